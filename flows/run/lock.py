"""One run at a time in a work folder, and the end of processes that a killed run left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import FileIO
from pathlib import Path

from domain.errors import UserError
from flows.run.work_folder import guarded

RUN_MARK = "SHOPTALK_RUN"
HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())
PATIENCE = 10.0  # seconds to wait for killed processes to end


@contextmanager
def holding(work: Path, *, shared: bool = False) -> Iterator[None]:
    """Guard and lock the work folder for one run; raises ``UserError`` if it is not safe, or another process has it.

    The kernel releases the lock with the process, however that ended. The file holds the process id and the run's
    random mark, which child processes inherit in their environment. The lock is reentrant: the command takes it
    before the flow that it starts.
    """
    place = work.resolve()
    if place in HELD.get():
        yield
        return
    os.environ["PYTHONSAFEPATH"] = "1"  # no process that is started below looks for modules in the current folder
    token = HELD.set(HELD.get() | {place})
    try:
        with guarded(work, shared), locked(work):
            yield
    finally:
        HELD.reset(token)


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Take the lock of a folder that this process does not have yet."""
    try:
        file = opened(work / "lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        problem, fix = f"cannot be written ({error.strerror})", "remove it if nothing runs, or name another --work"
        raise UserError(str(work / "lock"), problem, fix) from None
    with file:
        # A forked child shares the lock, and would keep it after this process has ended.
        os.register_at_fork(after_in_child=file.close)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other, _ = read(file)
            problem = f"is in use by another run (process {other or 'unknown'})"
            raise UserError(str(work), problem, "wait for it, or name another --work") from None
        end_leftovers(mark_in(work, read(file)[1]))
        token = secrets.token_hex(16)
        try:
            file.truncate(0)
            file.seek(0)
            file.write(f"{os.getpid()} {token}".encode())
        except OSError as error:
            raise UserError(str(work), f"cannot be written ({error.strerror})", "make room, then run again") from None
        os.environ[RUN_MARK] = mark_in(work, token)
        try:
            yield
        finally:
            os.environ.pop(RUN_MARK, None)


def holder(work: Path) -> int | None:
    """The process that runs in a work folder now; None if there is none."""
    process = None
    try:
        with opened(work / "lock", os.O_RDONLY) as file:
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


def opened(path: Path, flags: int) -> FileIO:
    """The lock's file, which no link and no second name leads to; raises ``OSError`` for anything else."""
    number = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    status = os.fstat(number)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(number)
        raise OSError(errno.ELOOP, "it is not a regular file of one name", str(path))
    return FileIO(number, "r+" if flags & os.O_RDWR else "r")


def read(file: FileIO) -> tuple[str, str]:
    """(Process id, token) of the run that has or last had the folder; empty strings if there was none."""
    file.seek(0)
    match = re.fullmatch(rb"([0-9]{1,9}) ([0-9a-f]{32})\s*", file.read(200))
    return (match[1].decode(), match[2].decode()) if match else ("", "")


def mark_in(work: Path, token: str) -> str:
    """The mark of the processes of a run: its token and this very folder, so that no other folder can name them."""
    status = work.stat()
    return f"{token}:{status.st_dev}:{status.st_ino}" if token else ""


def end_leftovers(mark: str) -> None:
    """Kill what the run of that mark left running (workers, a training, the temporary server), and wait for its end.

    A process has the mark only if it inherited it from that run; those of other users are left alone. Without /proc
    nothing is found; a training then still ends by itself.
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
    """The other processes of this user that have ``wanted`` in their environment."""
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid != os.geteuid():
                continue
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if wanted in environment and int(entry.name) != os.getpid():
            processes.append(int(entry.name))
    return processes
