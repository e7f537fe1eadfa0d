"""One run at a time in a work folder, and the end of processes that a killed run left behind."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

from domain.errors import UserError

RUN_MARK = "SHOPTALK_RUN"
HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())
PATIENCE = 10.0  # seconds to wait for killed processes to end


@contextmanager
def holding(work: Path) -> Iterator[None]:
    """Lock the work folder for one run; raises ``UserError`` if another process has it.

    The kernel releases the lock with the process, however that ended. The file holds the process id and the run's
    random mark, which child processes inherit in their environment. The lock is reentrant: the command takes it
    before the flow that it starts.
    """
    place = work.resolve()
    if place in HELD.get():
        yield
        return
    token = HELD.set(HELD.get() | {place})
    try:
        with locked(work):
            yield
    finally:
        HELD.reset(token)


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Take the lock of a folder that this process does not have yet."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        file = (work / "lock").open("a+")
    except OSError as error:
        raise UserError(str(work), f"cannot be written ({error.strerror})", "name another --work") from None
    with file:
        # A forked child shares the lock, and would keep it after this process has ended.
        os.register_at_fork(after_in_child=file.close)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other, _ = read(file)
            problem = f"is in use by another run (process {other or 'unknown'})"
            raise UserError(str(work), problem, "wait for it, or name another --work") from None
        end_leftovers(read(file)[1])
        mark = secrets.token_hex(16)
        try:
            file.truncate(0)
            file.write(f"{os.getpid()} {mark}")
            file.flush()
        except OSError as error:
            raise UserError(str(work), f"cannot be written ({error.strerror})", "make room, then run again") from None
        os.environ[RUN_MARK] = mark
        try:
            yield
        finally:
            os.environ.pop(RUN_MARK, None)


def holder(work: Path) -> int | None:
    """The process that runs in a work folder now; None if there is none."""
    try:
        with (work / "lock").open() as file:
            process = int(read(file)[0])
            os.kill(process, 0)
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # another process may have its id by now
    except BlockingIOError:
        return process
    except PermissionError:  # of another user's process
        return process
    except (OSError, ValueError):
        return None
    return None


def read(file: TextIO) -> tuple[str, str]:
    """(Process id, mark) of the run that has or last had the folder; empty strings if there was none."""
    file.seek(0)
    process, _, mark = file.read(200).strip().partition(" ")
    return process, mark


def end_leftovers(mark: str) -> None:
    """Kill what the run of that mark left running (workers, a training, the temporary server), and wait for its end.

    A process has the mark only if it inherited it from that run. Without /proc nothing is found; a training then still
    ends by itself.
    """
    if not mark:
        return
    wanted, until = f"{RUN_MARK}={mark}".encode(), time.monotonic() + PATIENCE
    while (left := marked(wanted)) and time.monotonic() < until:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.05)


def marked(wanted: bytes) -> list[int]:
    """The other processes that have ``wanted`` in their environment."""
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
        if wanted in environment and int(entry.name) != os.getpid():
            processes.append(int(entry.name))
    return processes
