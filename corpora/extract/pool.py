"""Extracts pages in a few worker processes, each page within its limits, with results in the order of the pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from corpora.extract.job import Extracted, Failed, Job
from corpora.extract.worker import MEMORY_EXIT, SIZE_HEADER
from corpora.workers.pool import Died, WorkerPool
from domain.errors import UserError

# What a worker knows of the environment: pages may be hostile, and keys and the passwords of proxies stand there too.
INHERITED = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONSAFEPATH",
    "OMP_NUM_THREADS", "MALLOC_ARENA_MAX",
)  # fmt: skip
CLOCK = 20.0  # times as long by the clock as by the processor's time
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


class PageWorker:
    """One process. It does not see the terminal's signals, and ends itself when this side is gone."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.answered = seconds, 0
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        beside, self.life = os.pipe()  # the other side sees its end where this process is gone
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "corpora.extract.worker", str(beside)],
            env={**{name: os.environ[name] for name in INHERITED if name in os.environ}, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
            pass_fds=[beside],
        )
        os.close(beside)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.replies = self.process.stdin, self.process.stdout

    def handles(self) -> list[Any]:
        """Its replies; they end with the process."""
        return [self.replies]

    def ask(self, task: Slot) -> None:
        """Send a page."""
        job = task.job
        assert job is not None
        bounds = {"seconds": self.seconds, "clock": CLOCK * self.seconds}
        request = {"form": job.form, "mode": job.mode, "charset": job.charset, **bounds}
        header = json.dumps(request).encode()
        with suppress(BrokenPipeError):
            self.requests.write(SIZE_HEADER.pack(len(header)) + SIZE_HEADER.pack(len(job.content)) + header)
            self.requests.write(job.content)
            self.requests.flush()

    def reply(self) -> Extracted | Failed | None:
        """What a page gave; None where the process died."""
        head = self.replies.read(SIZE_HEADER.size)
        if len(head) < SIZE_HEADER.size:
            return None
        (size,) = SIZE_HEADER.unpack(head)
        data = self.replies.read(size)
        if len(data) < size:
            return None
        self.answered += 1
        fields = json.loads(data)
        if "reason" in fields:
            return Failed(**fields)
        return Extracted(**{**fields, "licences": tuple(fields["licences"])})

    def end(self) -> int:
        """Kill the process if need be; its exit code, negative for a signal."""
        self.process.kill()
        os.close(self.life)
        for pipe in (self.requests, self.replies):
            with suppress(BrokenPipeError):  # what it was asked was never read
                pipe.close()
        return self.process.wait()

    def explains(self, code: int, *, alone: bool) -> bool:
        """Its bound on processor time is the page's alone; that on memory is where it has read no other before."""
        if code == -signal.SIGALRM:
            return alone
        return code == -signal.SIGPROF or (code == MEMORY_EXIT and not self.answered)


def failure(died: Died, seconds: float) -> Failed:
    """Why there is no text; raises ``UserError`` where the clock ended it: that is up to the machine, too."""
    if died.code == -signal.SIGALRM:
        problem = f"a page was not read within {CLOCK * seconds:g} seconds by the clock, read alone too"
        raise UserError("extraction", problem, "run again where the machine does less beside it")
    if died.code == -signal.SIGPROF:
        return Failed(reason=f"took more than {seconds:g} seconds of processor time")
    if died.code == MEMORY_EXIT:
        return Failed(reason="needs too much memory")
    return Failed(reason=f"ended its worker process ({died})")


def extract_pages(jobs: Iterable[Job], *, workers: int, seconds: float = 20.0) -> Iterator[Extracted | Failed]:
    """What each job gave, in order, the same for any number of workers and whatever else the machine does.

    A page that takes more than ``seconds`` of processor time, or more than 2 GB of memory, or that ends its process
    time and again, is a ``Failed``, and the others are read. One that hangs ``CLOCK`` times as long, alone too, is a
    ``UserError``. Jobs are taken as they can be worked on, so at most ``workers`` pages are held, and results that wait
    for a slower page before them are bounded by number and bytes.
    No process is left behind, also where the caller stops early or dies.
    """
    pool, order = WorkerPool[Slot, Extracted | Failed](workers, lambda: PageWorker(seconds)), deque[Slot]()
    coming, more = iter(jobs), True
    try:
        while more or order:
            while order and order[0].result is not None:
                result = order.popleft().result
                assert result is not None
                yield result
            room = len(order) < AHEAD * pool.workers and sum(slot.size for slot in order) <= HELD_BYTES
            if more and room and not pool.full:
                job = next(coming, None)
                if job is None:
                    more = False
                else:
                    order.append(Slot(job=job))
                    pool.give(order[-1])
            elif order:
                for slot, outcome in pool.wait():
                    slot.result = failure(outcome, seconds) if isinstance(outcome, Died) else outcome
                    slot.job = None
    finally:
        pool.close()
