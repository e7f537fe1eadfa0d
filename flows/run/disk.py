"""Turns errors of the disk into one line with a fix, whichever library raised them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import UserError
from domain.worker import FULL

FIXES = {
    errno.ENOSPC: "make room or set another --work, then run again",
    errno.EDQUOT: "make room or set another --work, then run again",
    errno.EACCES: "give the user of this run access to it, or set another --work",
    errno.EPERM: "give the user of this run access to it, or set another --work",
    errno.EROFS: "set another --work",
    errno.ELOOP: "remove that link, then run again",
    errno.EIO: "check the disk, or set another --work",
}
# What stands in the way in the work folder itself; elsewhere such an error is a defect.
IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)
LEAST = 1_000_000  # free bytes; below, an unclear error of a library is taken for a full disk
START = 30_000_000  # bytes for the records of Prefect and MLflow in a run


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, the errors of its groups, and the causes of each."""
    waiting, visited = [error], set[int]()
    while waiting:
        here = waiting.pop(0)
        if id(here) in visited:
            continue
        visited.add(id(here))
        yield here
        waiting += here.exceptions if isinstance(here, BaseExceptionGroup) else []
        waiting += [cause for cause in (here.__cause__, here.__context__) if cause is not None]


def refuse_full(work: Path) -> None:
    """Raise a ``UserError`` if the disk has no room for the records of a run."""
    free = shutil.disk_usage(work).free
    if free < START:
        raise UserError(str(work), f"the disk is full ({free / 1e6:.0f} MB are free)", FIXES[errno.ENOSPC])


def disk_error(error: Exception, work: Path) -> UserError | None:
    """The ``UserError`` for an error that the disk of ``work`` caused; None for any other error."""
    free = shutil.disk_usage(work).free if work.exists() else 0
    for here in chain(error):
        if isinstance(here, UserError):
            return None
        number = here.errno if isinstance(here, OSError) else None
        if number is None and any(text in str(here) for text in FULL):
            number = errno.ENOSPC
        if number in IN_THE_WAY and (path := getattr(here, "filename", None)) and is_in(work, os.fsdecode(path)):
            problem = f"stands in the way ({os.strerror(number)})"
            return UserError(os.fsdecode(path), problem, "move it elsewhere, then run again")
        if number in FIXES:
            place = str(getattr(here, "filename", None) or work)
            problem = f"{os.strerror(number)} ({free / 1e9:.1f} GB are free in the work folder)"
            return UserError(place, problem, FIXES[number])
    if free < LEAST:
        return UserError(str(work), "the disk is full", FIXES[errno.ENOSPC])
    return None


def is_in(work: Path, path: str) -> bool:
    """Whether a path lies in the work folder."""
    return Path(path).resolve().is_relative_to(work.resolve())


@contextmanager
def disk_refusals(work: Path) -> Iterator[None]:
    """Raise errors that the disk of ``work`` caused as a ``UserError``."""
    try:
        yield
    except Exception as error:
        if refusal := disk_error(error, work):
            raise refusal from error
        raise
