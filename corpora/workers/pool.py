"""Runs tasks in a few worker processes; a death is blamed on a task only after it recurs with that task alone."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Generic, Protocol, TypeVar

Request = TypeVar("Request")
Reply = TypeVar("Reply")
RequestIn = TypeVar("RequestIn", contravariant=True)
ReplyOut = TypeVar("ReplyOut", covariant=True)

DEATHS_ALONE = 2  # of fresh workers with nothing running beside them, until a task is what killed them


class WorkerProcess(Protocol[RequestIn, ReplyOut]):
    """One process with a pipe of its own: nothing that happens to another reaches it."""

    def handles(self) -> list[Any]:
        """What ``multiprocessing.connection.wait`` finds ready once there is a reply, or the process is gone."""

    def ask(self, task: RequestIn) -> None:
        """Send a task; a process that is gone is noticed when its reply is read."""

    def reply(self) -> ReplyOut | None:
        """The reply to the last task; None where the process died."""

    def end(self) -> int:
        """End the process; its exit code, negative for a signal."""

    def explains(self, code: int, *, alone: bool) -> bool:
        """Whether it ended itself for a reason that needs no repetition; ``alone``: this was one already."""


@dataclass(frozen=True)
class Died:
    """A task that kills whatever worker has it. ``code`` is the last exit code, negative for a signal."""

    code: int

    def __str__(self) -> str:
        return signal.Signals(-self.code).name if self.code < 0 else f"code {self.code}"


@dataclass(eq=False)
class Attempt(Generic[Request]):
    """A task that runs or waits to be repeated alone, and how often its worker died alone."""

    task: Request
    alone: bool = False
    deaths: int = 0


class WorkerPool(Generic[Request, Reply]):
    """Up to ``workers`` processes, each started by ``start`` when there is something to do.

    A worker that dies may have been killed by its task, by whoever needed its memory, or by what earlier tasks left in
    it. So its task is repeated in a fresh process while nothing else runs, and is a ``Died`` once ``deaths_alone`` of
    these have died.
    """

    def __init__(
        self, workers: int, start: Callable[[], WorkerProcess[Request, Reply]], deaths_alone: int = DEATHS_ALONE
    ) -> None:
        self.workers, self.start, self.deaths_alone = max(1, workers), start, deaths_alone
        self.idle: list[WorkerProcess[Request, Reply]] = []
        self.busy: dict[WorkerProcess[Request, Reply], Attempt[Request]] = {}
        self.suspects: deque[Attempt[Request]] = deque()

    @property
    def full(self) -> bool:
        """Whether no task can be taken now: all workers have one, or one is to be repeated alone."""
        alone = bool(self.suspects) or any(attempt.alone for attempt in self.busy.values())
        return alone or len(self.busy) >= self.workers

    @property
    def unfinished(self) -> bool:
        """Whether any task has no result yet."""
        return bool(self.busy or self.suspects)

    def give(self, task: Request) -> None:
        """Have a task done."""
        self.begin(self.idle.pop() if self.idle else self.start(), Attempt(task))

    def begin(self, worker: WorkerProcess[Request, Reply], attempt: Attempt[Request]) -> None:
        """Send an attempt's task to a worker."""
        self.busy[worker] = attempt
        worker.ask(attempt.task)

    def wait(self) -> list[tuple[Request, Reply | Died]]:
        """Wait until a worker has replied or died; the tasks that have a result now, perhaps none."""
        if self.suspects and not self.busy:
            self.begin(self.start(), self.suspects.popleft())
        owners = {handle: worker for worker in self.busy for handle in worker.handles()}
        workers = dict.fromkeys(owners[handle] for handle in connection.wait(list(owners)))
        results = [(self.busy[worker].task, self.result(worker)) for worker in workers]
        return [(task, result) for task, result in results if result is not None]

    def result(self, worker: WorkerProcess[Request, Reply]) -> Reply | Died | None:
        """What became of a worker's task; None where it has to be repeated."""
        attempt, reply = self.busy[worker], worker.reply()
        if reply is None:
            code = worker.end()
            attempt.deaths += attempt.alone
            if attempt.deaths < self.deaths_alone and not worker.explains(code, alone=attempt.alone):
                attempt.alone = True
                self.suspects.append(attempt)
        else:
            self.idle.append(worker)
        del self.busy[worker]
        return reply if reply is not None else None if attempt in self.suspects else Died(code)

    def close(self) -> None:
        """End all processes."""
        for worker in [*self.idle, *self.busy]:
            worker.end()
        self.idle, self.busy = [], {}
        self.suspects.clear()
