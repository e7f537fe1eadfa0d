"""A worker process for tasks of one function, forked from a server that has loaded what all workers need."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from corpora.workers.pool import DEATHS_ALONE, Died, WorkerPool

T = TypeVar("T")


@dataclass(frozen=True)
class TaskResult:
    """What a task gave, or the ``error`` that it raised."""

    value: Any = None
    error: BaseException | None = None


class ForkedWorker:
    """One process that calls a function for each task. It does not see the terminal's signals; it ends with its caller.

    The server has no threads: a fork of this process might inherit a held lock.
    """

    def __init__(self, function: bytes) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["corpora.workers.forked_worker", "corpora.curation.preload"])
        umask = os.umask(0o077)  # there is no other way to read it
        os.umask(umask)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, umask))
        self.process.start()
        theirs.close()
        self.send(function)

    def send(self, message: bytes) -> None:
        """Send bytes, unless the process is gone."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send_bytes(message)

    def handles(self) -> list[Any]:
        """The pipe, and the process: what it has started may hold the pipe open."""
        return [self.pipe, self.process.sentinel]

    def ask(self, task: Any) -> None:
        """Have a task done."""
        self.send(bytes(ForkingPickler.dumps(task)))

    def reply(self) -> TaskResult | None:
        """What became of the task; None where the process died."""
        try:
            outcome: TaskResult | None = self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None
        return outcome

    def end(self) -> int:
        """Kill the process if need be; its exit code, negative for a signal."""
        self.pipe.close()
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        return code or 0

    def explains(self, code: int, *, alone: bool) -> bool:
        """Whatever ends it may have come from elsewhere."""
        return False


def serve(pipe: Connection, umask: int) -> None:
    """The worker's life: it is sent a function, then tasks.

    The umask is the caller's now: the server that workers are forked from may have been started before it was set.
    """
    os.umask(umask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()
    try:
        function = pipe.recv()
        while True:
            task = pipe.recv()
            pipe.send_bytes(ForkingPickler.dumps(result_of(function, task)))
    except (EOFError, ConnectionError):  # nobody asks any more
        return


def follow() -> None:
    """End this process with the one that asks it: it may be killed while a task runs."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def result_of(function: Callable[[Any], Any], task: Any) -> TaskResult:
    """Do one task.

    Where memory is short, what else this process does would fail as well: it ends, as by a signal.
    """
    try:
        return TaskResult(function(task))
    except MemoryError:
        os._exit(1)
    except BaseException as error:
        return TaskResult(error=portable(error))


def portable(error: BaseException) -> BaseException:
    """An error as it can be sent to another process, with its traceback as a note."""
    error.add_note("".join(traceback.format_tb(error.__traceback__)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def results(
    function: Callable[[T], Any], tasks: Iterable[T], workers: int, deaths: int = DEATHS_ALONE
) -> Iterator[tuple[T, Any | Died]]:
    """Each task with what the function gives for it, as they are done; ``Died`` for one that kills its process.

    Raises what the function raises. Tasks are taken as they can be worked on.
    """
    message = bytes(ForkingPickler.dumps(function))  # once, and not for each worker or task
    pool = WorkerPool[T, TaskResult](workers, lambda: ForkedWorker(message), deaths)
    coming, more = iter(tasks), True
    try:
        while more or pool.unfinished:
            while more and not pool.full:
                try:
                    pool.give(next(coming))
                except StopIteration:
                    more = False
            for task, result in pool.wait() if pool.unfinished else ():
                if isinstance(result, TaskResult) and result.error is not None:
                    raise result.error
                yield task, result if isinstance(result, Died) else result.value
    finally:
        pool.close()
