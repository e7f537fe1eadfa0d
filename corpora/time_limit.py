"""Bounds how long a filter may take over documents, by the processor's time and far beyond that by the clock's."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 30.0  # of processor time for any document; the filters that ship take up to 3 s a megabyte
SECONDS_PER_MB = 20.0
SECONDS_IN_BATCH = 1.0  # more for each further document that is filtered with it
BY_THE_CLOCK = 20.0  # times as long by the clock: a filter may wait for something


class TookTooLong(BaseException):
    """Not an ``Exception``: a filter that catches all of these goes on no longer for it. ``seconds`` is the bound."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took more than {seconds:.0f} s of processor time")
        self.seconds = seconds


@contextmanager
def time_limit(characters: int, documents: int = 1, patience: float = 1.0) -> Iterator[None]:
    """Raises ``TookTooLong`` within the block where it takes too long for so much text, or ``patience`` times that.

    Only in a main thread, as that of each worker; elsewhere there is no bound. Code of C that never looks for signals
    is not interrupted; patterns of Python's ``re`` are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seconds = patience * (SECONDS + SECONDS_PER_MB * characters / 10**6 + SECONDS_IN_BATCH * (documents - 1))

    def end(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(seconds)

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, BY_THE_CLOCK * seconds),
    )
    before = [(kind, signal.signal(kind, end)) for _, kind, _ in timers]
    try:
        for timer, _, bound in timers:
            signal.setitimer(timer, bound, 1.0)  # and again each second, where it was caught
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        for kind, handler in before:
            signal.signal(kind, handler)
