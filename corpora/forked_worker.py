"""A worker process for the ranks of a pipeline, forked from a server that has loaded what all workers need."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline


@dataclass(frozen=True)
class RankResult:
    """What became of a rank: it is done, or a step raised ``error``."""

    error: BaseException | None = None


class ForkedWorker:
    """One process that runs ranks of a pipeline. It does not see the terminal's signals, and ends with its caller.

    The server has no threads: a fork of this process might inherit a held lock.
    """

    def __init__(self, pipeline: bytes) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["corpora.forked_worker", "corpora.preload"])
        umask = os.umask(0o077)  # there is no other way to read it
        os.umask(umask)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, umask))
        self.process.start()
        theirs.close()
        self.send(pipeline)

    def send(self, message: bytes) -> None:
        """Send bytes, unless the process is gone."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send_bytes(message)

    def handles(self) -> list[Any]:
        """The pipe, and the process: what it has started may hold the pipe open."""
        return [self.pipe, self.process.sentinel]

    def ask(self, task: int) -> None:
        """Have a rank run."""
        self.send(bytes(ForkingPickler.dumps(task)))

    def reply(self) -> RankResult | None:
        """What became of the rank; None where the process died."""
        try:
            outcome: RankResult | None = self.pipe.recv() if self.pipe.poll() else None
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
    """The worker's life: it is sent a pipeline, then ranks.

    The umask is the caller's now: the server that workers are forked from may have been started before it was set.
    """
    os.umask(umask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()
    try:
        pipeline, tasks = pipe.recv()
        while True:
            rank = pipe.recv()
            pipe.send_bytes(ForkingPickler.dumps(outcome(pipeline, rank, tasks)))
    except (EOFError, ConnectionError):  # nobody asks any more
        return


def follow() -> None:
    """End this process with the one that asks it: it may be killed while a rank runs."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def outcome(pipeline: list[Any], rank: int, tasks: int) -> RankResult:
    """Run one rank.

    Where memory is short, what else this process does would fail as well: it ends, as by a signal.
    """
    try:
        run_rank(pipeline, rank, tasks)
    except MemoryError:
        os._exit(1)
    except BaseException as error:
        return RankResult(portable(error))
    return RankResult()


def run_rank(pipeline: list[Any], rank: int, tasks: int) -> None:
    """Run a pipeline of datatrove for one rank, without its logs, which take 30 ms."""
    data: DocumentsPipeline = None
    for step in pipeline:
        data = step(data, rank, tasks)
    if data is not None:
        deque(data, maxlen=0)


def portable(error: BaseException) -> BaseException:
    """An error as it can be sent to another process, with its traceback as a note."""
    error.add_note("".join(traceback.format_tb(error.__traceback__)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
