"""Preemption: on SIGTERM the step finishes, the state is saved, and the process exits with status 75."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 75  # exit status of a training that stopped and can be resumed (EX_TEMPFAIL, sysexits.h)


class Stopped(Exception):
    """The training stopped on request; its state is on disk."""


@contextmanager
def catch_sigterm() -> Iterator[Callable[[], bool]]:
    """Within the block, catch SIGTERM; the function that is yielded returns whether it was received."""
    requested = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread receives signals
        return
    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield lambda: requested
    finally:
        signal.signal(signal.SIGTERM, before)
