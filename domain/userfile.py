"""Open a file that a user names: a regular one, and no more of it than is wanted."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from domain.errors import UserError

PERMISSIONS = "correct the path, or the file's permissions"


def open_regular(path: Path, fix: str = PERMISSIONS) -> BinaryIO:
    """The file opened for reading; raises ``UserError`` at once for a pipe or device, which might never end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer would block
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(str(path), f"cannot be read ({reason})", fix) from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        kind = "Is a directory" if stat.S_ISDIR(mode) else "it is a pipe, socket or device"
        raise UserError(str(path), f"cannot be read ({kind})", "name a regular file")
    return os.fdopen(handle, "rb")


def read_bounded(path: Path, limit: int, fix: str = PERMISSIONS) -> bytes:
    """The bytes of a file; raises ``UserError`` if it has more than ``limit``, or cannot be read."""
    with open_regular(path, fix) as file:
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise UserError(str(path), f"cannot be read ({error.strerror})", fix) from None
    if len(content) > limit:
        raise UserError(str(path), f"has more than {limit / 1e6:g} MB", "shorten it")
    return content
