"""SIGTERM in the middle of a training: the step ends, the state is saved, and the process leaves with its own code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 75  # exit code of a training that was asked to stop and can go on (EX_TEMPFAIL, sysexits.h)


class Stopped(Exception):
    """The training was asked to stop; its state is on disk."""


@contextmanager
def heard() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come, for as long as the block runs; elsewhere it ends the process as it always does."""
    requested = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield lambda: requested
    finally:
        signal.signal(signal.SIGTERM, before)
