"""Read a JSON file that somebody else may have written: bounded in size and depth, and always a mapping."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from domain.files import NotRegularError, open_regular

MOST_BYTES = 16 * 2**20  # of a file; parsed, the worst of that size takes some 400 MB
MOST_LEVELS = 64  # of lists and mappings within each other; what is read here is also written again, by recursion

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JSONFileError(ValueError):
    """A file that is not a JSON mapping within the bounds; the text says why and does not name the file."""


def read_json(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The mapping in a JSON file of at most ``most`` bytes.

    Raises ``JSONFileError`` if the file is too large or too deep, is not JSON in UTF-8, contains another value than a
    mapping, or is a FIFO or a device; ``OSError`` if it cannot be opened.
    """
    data = read_bounded(path, most)
    try:
        value = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise JSONFileError(f"is not UTF-8, at byte {error.start}") from None
    except RecursionError:
        raise JSONFileError("is nested too deeply") from None
    except ValueError as error:
        raise JSONFileError(f"is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise JSONFileError(f"holds {type(value).__name__}, not a mapping")
    refuse_depth(value)
    if SURROGATE.search(data):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise JSONFileError("holds a lone surrogate, which is no character") from None
    return value


def read_bounded(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most ``most``; raises as ``read_json`` does, and never waits for a writer."""
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except (NotRegularError, IsADirectoryError):
        raise JSONFileError("is not a regular file") from None
    if len(data) > most:
        raise JSONFileError(f"is larger than {most:,} bytes")
    return data


def refuse_depth(value: object) -> None:
    """Raise ``JSONFileError`` where lists and mappings are nested deeper than ``MOST_LEVELS``."""
    level: list[object] = [value]
    for _ in range(MOST_LEVELS):
        containers = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for inner in containers for each in inner if isinstance(each, dict | list)]  # type: ignore[attr-defined]
        if not level:
            return
    raise JSONFileError("is nested too deeply")
