"""Runs of the real command that are killed at random moments, and what they leave running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

INTERRUPTED = "shoptalk: interrupted; give the same command again to continue\n"
Begin = Callable[[], "subprocess.Popen[str]"]


def artifacts(work: Path) -> int:
    """How many finished artifacts a work folder holds."""
    return len(list((work / "artifacts").glob("*/*/manifest.json")))


def wait_until(process: subprocess.Popen[str], condition: Callable[[], object]) -> bool:
    """Whether the condition came true before the process ended; a minute without either is an error."""
    until = time.monotonic() + 300
    while process.poll() is None:
        if condition():
            return True
        assert time.monotonic() < until, "neither the moment nor the end came"
        time.sleep(0.005)
    return False


def end_by(process: subprocess.Popen[str], number: signal.Signals, condition: Callable[[], object]) -> tuple[int, str]:
    """Send the signal to the command alone once the condition is true; its exit code and what it said."""
    assert wait_until(process, condition), process.communicate()
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


def killed_after(begin: Begin, work: Path, counts: Iterable[int], seed: int) -> list[str]:
    """kill -9 a run up to a second after each number of finished artifacts; the marks of those that were killed.

    Each run continues from where the one before was killed.
    """
    moments, marks = random.Random(seed), []
    for count in counts:
        process = begin()
        if wait_until(process, lambda count=count: artifacts(work) >= count):  # type: ignore[misc]
            time.sleep(moments.random())
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                marks.append(mark_of(work))
        process.communicate()
    return marks


def mark_of(work: Path) -> str:
    """The mark of the last run of a work folder, which its children inherit; empty where none began."""
    from flows.run.lock import mark_in

    lock = work / "lock"
    return mark_in(work, (lock.read_text().split() or ["", ""])[1]) if lock.exists() else ""


def left_running(*marks: str) -> list[int]:
    """Processes that runs of these marks left behind."""
    from flows.run.lock import RUN_MARK, marked

    return [process for mark in filter(None, marks) for process in marked(f"{RUN_MARK}={mark}".encode())]
