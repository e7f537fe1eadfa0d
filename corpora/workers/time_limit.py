"""Limits the time of a filter: processor time decides, the clock only ends what hangs."""

from __future__ import annotations

import math
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 30.0  # of processor time for any document; the filters that ship take up to 3 s a megabyte
SECONDS_PER_MB = 20.0
SECONDS_IN_BATCH = 1.0  # more for each further document that is filtered with it
ENDED_AT = 3.0  # times as long until the process is ended
BY_THE_CLOCK = 20.0  # times as long by the clock: a filter may wait for something, and other processes for their turn


class TookTooLong(BaseException):
    """Not an ``Exception``: a filter that catches all of these goes on no longer for it. ``seconds`` is the bound."""

    unit = "of processor time"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took more than {seconds:.0f} s {self.unit}")
        self.seconds = seconds


class WaitedTooLong(TookTooLong):
    """By the clock. That depends on the machine and on what else runs there, so it must not decide about a document."""

    unit = "by the clock"


@contextmanager
def time_limit(characters: int, documents: int = 1, patience: float = 1.0) -> Iterator[None]:
    """Raises ``TookTooLong`` within the block where it takes too long for so much text, or ``patience`` times that;
    ``WaitedTooLong`` where it hangs.

    Only in a main thread, as that of each worker; elsewhere there is no bound. Code of C that never looks for signals,
    and what catches these exceptions too, is ended with its process at ``ENDED_AT`` times the processor time; patterns
    of Python's ``re`` are interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seconds = patience * (SECONDS + SECONDS_PER_MB * characters / 10**6 + SECONDS_IN_BATCH * (documents - 1))
    by_the_clock = BY_THE_CLOCK * seconds

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(seconds)

    def hangs(number: int, frame: FrameType | None) -> None:
        raise WaitedTooLong(by_the_clock)

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds, too_long),
        (signal.ITIMER_REAL, signal.SIGALRM, by_the_clock, hangs),
    )
    before = [(kind, signal.signal(kind, handler)) for _, kind, _, handler in timers]
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    end = math.ceil(time.process_time() + ENDED_AT * seconds) + 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (min(filter(is_limit, (soft, hard, end))), hard))
        for timer, _, bound, _ in timers:
            signal.setitimer(timer, bound, 1.0)  # and again each second, where it was caught
        yield
    finally:
        for timer, _, _, _ in timers:
            signal.setitimer(timer, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        for kind, handler in before:
            signal.signal(kind, handler)


def is_limit(value: int) -> bool:
    """Whether a resource limit limits anything."""
    return value != resource.RLIM_INFINITY
