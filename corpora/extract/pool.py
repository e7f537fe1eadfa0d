"""Pages read by a few worker processes, each page within bounds, results in the order of the pages."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from corpora.extract.job import Extracted, Failed, Job
from corpora.extract.worker import SIZE_HEADER

# What a worker knows of the environment: pages may be hostile, and keys and the passwords of proxies stand there too.
INHERITED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONSAFEPATH",
    "OMP_NUM_THREADS", "MALLOC_ARENA_MAX",
)  # fmt: skip
AHEAD = 16  # results for each worker that may wait for a slower page before them
HELD_BYTES = 200_000_000  # of pages and their results that wait; beyond that pages are read one at a time


@dataclass(eq=False, kw_only=True)
class Slot:
    """A page's place in the order, and what became of it."""

    job: Job | None
    result: Extracted | Failed | None = None

    @property
    def size(self) -> int:
        """Bytes of the page, or characters of what it gave."""
        if self.job is not None:
            return len(self.job.content)
        return len(self.result.text) if isinstance(self.result, Extracted) else 0


class Worker:
    """One process. It does not see the terminal's signals, and ends itself when this side is gone."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.answered = seconds, 0
        self.slot: Slot | None = None
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "corpora.extract.worker"],
            env={**{name: os.environ[name] for name in INHERITED if name in os.environ}, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.asks, self.tells = self.process.stdin, self.process.stdout

    def ask(self, slot: Slot) -> None:
        """Send a page; a process that is gone is found when its answer is read."""
        job = slot.job
        assert job is not None
        self.slot = slot
        request = {"form": job.form, "mode": job.mode, "charset": job.charset, "seconds": self.seconds}
        header = json.dumps(request).encode()
        try:
            self.asks.write(SIZE_HEADER.pack(len(header)) + SIZE_HEADER.pack(len(job.content)) + header)
            self.asks.write(job.content)
            self.asks.flush()
        except BrokenPipeError:
            pass

    def read(self) -> dict[str, Any] | None:
        """The answer; None where the process died."""
        head = self.tells.read(SIZE_HEADER.size)
        if len(head) < SIZE_HEADER.size:
            return None
        (size,) = SIZE_HEADER.unpack(head)
        data = self.tells.read(size)
        return json.loads(data) if len(data) == size else None

    def end(self) -> int:
        """Kill the process if need be; its return code, negative for a signal."""
        self.process.kill()
        for pipe in (self.asks, self.tells):
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # what it was asked was never read
        return self.process.wait()


class Pool:
    """Up to ``workers`` processes, started when there is something to read."""

    def __init__(self, workers: int, seconds: float) -> None:
        self.workers, self.seconds = max(1, workers), seconds
        self.idle: list[Worker] = []
        self.busy = selectors.DefaultSelector()

    def full(self) -> bool:
        """Whether all workers have a page."""
        return len(self.busy.get_map()) >= self.workers

    def give(self, slot: Slot) -> None:
        """Have a page read."""
        worker = self.idle.pop() if self.idle else Worker(self.seconds)
        self.busy.register(worker.tells, selectors.EVENT_READ, worker)
        worker.ask(slot)

    def wait(self) -> None:
        """Wait until at least one page is read."""
        for key, _ in self.busy.select():
            worker: Worker = key.data
            self.busy.unregister(worker.tells)
            self.take(worker)

    def take(self, worker: Worker) -> None:
        """Note what became of a worker's page.

        A page that broke a worker which had read others is tried once more in a new one: what others left behind
        must not decide.
        """
        slot, reply = worker.slot, worker.read()
        assert slot is not None
        worker.slot = None
        if reply is None or reply.get("lost"):
            code = worker.end()
            if worker.answered and code != -signal.SIGALRM:
                self.give(slot)
                return
            reason = reply["reason"] if reply else self.died(code)
        else:
            worker.answered += 1
            self.idle.append(worker)
            reason = reply.get("reason")
        slot.result = Failed(reason=reason) if reason is not None else Extracted(**(reply or {}))
        slot.job = None

    def died(self, code: int) -> str:
        """Why there is no answer, from a process's return code."""
        if code == -signal.SIGALRM:
            return f"took more than {self.seconds:g} seconds"
        return f"ended its worker process ({signal.Signals(-code).name if code < 0 else f'code {code}'})"

    def close(self) -> None:
        """End all processes."""
        for worker in [*self.idle, *(key.data for key in list(self.busy.get_map().values()))]:
            worker.end()
        self.busy.close()


def extract_pages(jobs: Iterable[Job], *, workers: int, seconds: float = 20.0) -> Iterator[Extracted | Failed]:
    """What each job gave, in order, the same for any number of workers.

    A page that takes more than ``seconds``, or more than 2 GB of memory, or that ends its process, is a ``Failed``,
    and the others are read. Jobs are taken as they can be worked on, so at most ``workers`` pages are held, and results
    that wait for a slower page before them are bounded by number and bytes.
    No process is left behind, also where the caller stops early or dies.
    """
    pool, order = Pool(workers, seconds), deque[Slot]()
    coming, more = iter(jobs), True
    try:
        while more or order:
            while order and order[0].result is not None:
                result = order.popleft().result
                assert result is not None
                yield result
            room = len(order) < AHEAD * pool.workers and sum(slot.size for slot in order) <= HELD_BYTES
            if more and room and not pool.full():
                job = next(coming, None)
                if job is None:
                    more = False
                else:
                    order.append(Slot(job=job))
                    pool.give(order[-1])
            elif order:
                pool.wait()
    finally:
        pool.close()
