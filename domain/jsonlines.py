"""JSON Lines: the project's own rows in one stable form, and the records of a user's file with their places."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from domain.errors import UserError
from domain.userfile import open_file

try:
    import orjson
except ImportError:  # a machine that only trains; orjson reads in half of the time and writes in two thirds
    orjson = None  # type: ignore[assignment]

LONGEST_LINE = 16_000_000  # bytes of a user's record
MOST_EXPANSION = 50  # bytes that a byte of a .gz file may become, on average; real text becomes 3 to 10 times as long
ALWAYS_EXPANDED = 10_000_000  # bytes that it may become in any case
MOST_BLANK = 1_000_000  # blank lines in a row
BUFFER = 1 << 20  # bytes read or written at a time; with Python's 8 kB a third of the time goes into system calls


def line(row: dict[str, Any]) -> bytes:
    """A row as its line in UTF-8, keys sorted: equal rows give equal lines.

    A lone surrogate, as in the name of a file, becomes ``?``.
    """
    if orjson:
        try:
            return orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # a lone surrogate
            pass
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def parse_line(text: bytes) -> dict[str, Any]:
    """The row of a line; raises ``ValueError`` where it is not valid JSON."""
    row: dict[str, Any]
    if orjson:
        try:
            row = orjson.loads(text)
            return row
        except ValueError:  # not valid JSON, or an escaped lone surrogate, which the standard library reads
            pass
    row = json.loads(text)
    return row


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of a JSON Lines file."""
    with path.open("wb", buffering=BUFFER) as file:
        file.writelines(map(line, rows))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file that the project wrote, one in memory at a time."""
    with path.open("rb", buffering=BUFFER) as file:
        yield from map(parse_line, file)


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a user's file, plain or ``.gz``, each with the number of its line; blank lines are
    skipped.

    Raises ``UserError`` that names the line which is not a JSON object in UTF-8 of at most 16 MB, or the file that is
    empty, expands too much, or cannot be read. One line is in memory at a time.
    """
    number = count = 0
    try:
        with open_file(path) as file, gzip.open(file) if path.suffix == ".gz" else file as lines:
            for number, text in enumerate(bounded_lines(lines, path), 1):
                if text.strip():
                    count += 1
                    yield number, parse_record(text, f"{path}:{number}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problem = f"cannot be decompressed ({str(error).rstrip('.')})"
        raise UserError(f"{path}, after line {number}", problem, "write the file again") from None
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise UserError(str(path), problem, "correct the path, or the file's permissions") from None
    if not count:
        raise UserError(str(path), "is empty", "write one JSON object per line")


def bounded_lines(lines: BinaryIO | gzip.GzipFile, path: Path) -> Iterator[bytes]:
    """The lines of an open file; raises ``UserError`` at the first that is too long, or once it expands too much."""
    most = max(ALWAYS_EXPANDED, MOST_EXPANSION * path.stat().st_size)
    number = size = blank = 0
    while text := lines.readline(LONGEST_LINE + 1):
        number, size, blank = number + 1, size + len(text), 0 if text.strip() else blank + 1
        if len(text) > LONGEST_LINE:
            raise UserError(
                f"{path}:{number}", f"is longer than {LONGEST_LINE / 1e6:g} MB", "shorten or split the record"
            )
        if size > most:
            problem = f"becomes more than {MOST_EXPANSION} times as long when it is decompressed"
            raise UserError(f"{path}, after line {number}", problem, "decompress it, if it is yours")
        if blank > MOST_BLANK:
            raise UserError(f"{path}:{number}", f"follows {MOST_BLANK:,} empty lines", "take them out")
        yield text


def parse_record(text: bytes, place: str) -> dict[str, Any]:
    """The object of a line; raises ``UserError`` that names ``place``."""
    try:
        record = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(place, "is not UTF-8", "save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UserError(place, f"is not valid JSON ({error})", "correct the line") from None
    if not isinstance(record, dict):
        raise UserError(place, f"holds {type(record).__name__}, not an object", "write an object with a key per column")
    return record
