"""Keeps a work folder to its owner: made and narrowed to 0700, refused where another user could have written in it."""

from __future__ import annotations

import logging
import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import UserError
from domain.files import NotRegularError, entries
from domain.machine import WRITTEN_IN_WORK

logger = logging.getLogger(__name__)

PRIVATE = 0o077  # the umask: what is written is for its owner alone
OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
TRUST = "set shared: true in the machine profile if you trust all who write there to run code as you"


@contextmanager
def guarded(work: Path, shared: bool = False) -> Iterator[None]:
    """Make and check a work folder; all that this process and its children write meanwhile is for its owner alone.

    A ``shared`` folder may belong to others and be written by them, and modes follow the umask. Links are followed in
    neither. Raises ``UserError`` for a folder that is not safe, or cannot be made.
    """
    with private(shared):
        try:
            work.mkdir(parents=True, exist_ok=True)
            if not shared:
                narrow(work)  # first, so that nobody adds anything to what is looked at
            refuse_unsafe(work, shared)
            if not shared:
                warn_of_owners(work)
        except OSError as error:
            raise UserError(str(work), f"cannot be written ({error.strerror})", "name another --work") from None
        yield


@contextmanager
def private(shared: bool = False) -> Iterator[None]:
    """What this process and its children write meanwhile is for its owner alone; if ``shared``, as the umask says."""
    before = os.umask(PRIVATE)
    if shared:
        os.umask(before)
    try:
        yield
    finally:
        os.umask(before)


def refuse_unsafe(work: Path, shared: bool = False) -> None:
    """Raise ``UserError`` for a link or anything else but files and folders in a work folder.

    Unless it is ``shared``, also for what belongs to another user, and for one that others can write or replace.
    """
    try:
        place = work.resolve()  # the folder may be a link of this user's own
        if not shared:
            refuse_others(work, place)
        cache = f"{place / 'cache'}{os.sep}"
        for entry in entries(place):
            # The owner costs a call for each file: of a cache, which may have millions, only the folders are asked.
            if not shared and (entry.is_dir(follow_symlinks=False) or not entry.path.startswith(cache)):
                refuse_foreign(Path(entry.path))
    except NotRegularError as error:
        fix = "remove it; what it points at may be mounted in its place, or the whole folder moved"
        raise UserError(str(error.filename), str(error.strerror), fix) from None
    except (OSError, RuntimeError) as error:  # Python's own error for links in a circle
        raise UserError(str(work), f"cannot be used ({error})", "name another --work") from None


def refuse_others(work: Path, place: Path) -> None:
    """Raise ``UserError`` for a folder that another user owns, can write, or can replace by another."""
    for step in route(Path(os.path.abspath(work))):
        if step.is_symlink() or step == place:
            refuse_foreign(step)
        elif step.exists():
            refuse_replaceable(work, step)
    refuse_open(work, place)


def route(path: Path) -> Iterator[Path]:
    """Every folder and link by which a path is reached, from the root, and so for what its links point at."""
    for step in (*reversed(path.parents), path):
        yield step
        if step.is_symlink():
            yield from route(Path(os.path.abspath(step.parent / os.readlink(step))))


def refuse_foreign(path: Path) -> None:
    """Raise ``UserError`` for what belongs to a user other than this process's and root; what is not there passes."""
    with suppress(FileNotFoundError):
        owner = path.lstat().st_uid
        if owner not in (os.geteuid(), 0):
            fix = f"name a --work folder of your own, or {TRUST} (on NFS and in containers, where owners differ, too)"
            raise UserError(str(path), f"belongs to {user(owner)}", fix)


def refuse_replaceable(work: Path, folder: Path) -> None:
    """Raise ``UserError`` where all users may rename what is in ``folder``, which leads to the work folder."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        fix = f"name a --work folder elsewhere, or {TRUST}"
        raise UserError(str(work), f"could be replaced by all users, who can write in {folder}", fix)


def warn_of_owners(work: Path) -> None:
    """Warn where a folder that leads to the work folder belongs to another user, as in containers: that user could put
    another in its place.
    """
    for step in route(Path(os.path.abspath(work))):
        if step != work.resolve() and (owner := step.lstat().st_uid) not in (os.geteuid(), 0):
            logger.warning("%s: could be replaced by %s, who owns %s", work, user(owner), step)


def refuse_open(work: Path, place: Path) -> None:
    """Raise ``UserError`` for a folder in which others may write, unless it is Shoptalk's alone and can be narrowed."""
    if place.exists() and place.stat().st_mode & WRITABLE and not narrowable(place):
        status = place.stat()
        problem = f"is {stat.filemode(status.st_mode)} of {user(status.st_uid)}: other users can write there"
        raise UserError(str(work), problem, f"name a --work folder of your own, or {TRUST}")


def narrowable(place: Path) -> bool:
    """Whether a folder is this user's and holds nothing that Shoptalk did not write."""
    status = place.stat()
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX:
        return False
    names = {re.sub(r"-(wal|shm|journal)$", "", each.name) for each in place.iterdir() if each.suffix != ".part"}
    return names <= WRITTEN_IN_WORK


def narrow(work: Path) -> None:
    """Take a folder that is Shoptalk's alone from all but its owner, and say so. Raises ``UserError`` for others'."""
    place = work.resolve()
    refuse_others(work, place)
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & OTHERS and narrowable(place):
        place.chmod(mode & ~OTHERS)
        logger.info("%s: was open to other users, and is yours alone now (shared: true keeps it open)", work)


def user(number: int) -> str:
    """A user as others call it."""
    try:
        return f"user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"
