"""Open a file that a user names: a regular one, and no more of it than is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from domain.errors import UserError
from domain.files import NotRegularError, open_regular

PERMISSIONS = "correct the path, or the file's permissions"


def open_file(path: Path, fix: str = PERMISSIONS) -> BinaryIO:
    """The file opened for reading; raises ``UserError`` at once for a pipe or device, which might never end."""
    try:
        return open_regular(path)
    except NotRegularError:
        problem = "cannot be read (it is a pipe, socket or device)"
        raise UserError(str(path), problem, "name a regular file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(str(path), f"cannot be read ({reason})", fix) from None


def read_bounded(path: Path, limit: int, fix: str = PERMISSIONS) -> bytes:
    """The bytes of a file; raises ``UserError`` if it has more than ``limit``, or cannot be read."""
    with open_file(path, fix) as file:
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise UserError(str(path), f"cannot be read ({error.strerror})", fix) from None
    if len(content) > limit:
        raise UserError(str(path), f"has more than {limit / 1e6:g} MB", "shorten it")
    return content
