"""Regular files and folders of them: opened, listed without following a link, removed, renamed aside where damaged."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

logger = logging.getLogger(__name__)

KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}  # any other is a device


class NotRegularError(OSError):
    """Something that is neither a regular file nor a folder."""

    def __init__(self, path: str, mode: int) -> None:
        kind = KINDS.get(stat.S_IFMT(mode), "a device")
        super().__init__(errno.ELOOP, f"is {kind}, not a regular file or a folder", path)


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every file and folder below ``folder``, without a call for each; no link is followed.

    What goes meanwhile is left out. Raises ``NotRegularError`` at a link, FIFO, socket or device, other ``OSError``
    where a folder cannot be read.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as here:
            for entry in here:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        raise NotRegularError(entry.path, entry.stat(follow_symlinks=False).st_mode)
                    continue
                yield entry


def regular_files(folder: Path) -> dict[str, os.stat_result]:
    """Status of every file below ``folder`` by its path there; raises as ``entries`` does."""
    begin, status = len(os.fspath(folder)) + 1, {}
    for entry in entries(folder):
        if entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                status[entry.path[begin:]] = entry.stat(follow_symlinks=False)
    return status


def open_regular(path: Path) -> BinaryIO:
    """The file opened for reading; a pipe without a writer is not waited for.

    Raises ``NotRegularError`` for a pipe, socket or device, other ``OSError`` where it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise NotRegularError(os.fspath(path), mode)


def remove(path: Path) -> None:
    """Remove a folder, a file or a link, and not what a link points at; what does not exist is removed."""
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def set_damaged_aside(path: Path) -> None:
    """Rename what is damaged to ``<name>-damaged-<8 hex>`` in its folder, with a warning; the last such one goes."""
    for earlier in path.parent.glob(f"{path.name}-damaged-*"):
        remove(earlier)
    aside = path.with_name(f"{path.name}-damaged-{secrets.token_hex(4)}")
    os.rename(path, aside)
    logger.warning("%s is damaged, and is now %s", path, aside.name)
