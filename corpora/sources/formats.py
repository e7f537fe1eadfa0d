"""The forms of a file: JSON Lines, CSV, Parquet or plain text, compressed or not, read a record at a time."""

from __future__ import annotations

import csv
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
FORMATS = (".jsonl", ".json", ".parquet", ".csv", ".txt", ".md")
LONGEST_FIELD = 1_000_000_000  # characters; csv's own limit of 131,072 is below a long document


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A record that could not be read: why, how many it may stand for, and whether the file ends with it."""

    reason: str
    records: int = 1
    rest: bool = False


Record = dict[str, Any] | Broken


def form(path: str) -> tuple[str, str | None]:
    """(ending without compression, compression) of a file's name."""
    endings = PurePosixPath(path).suffixes
    compression = COMPRESSIONS.get(endings[-1].lower()) if endings else None
    endings = endings[:-1] if compression else endings
    return (endings[-1].lower() if endings else ""), compression


def records(file: Any, ending: str, encoding: str, column: str) -> Iterator[tuple[int, Record]]:
    """(line, record) of an open file; line 0 is the whole of it, as one text in ``column``.

    What is cut short or cannot be unpacked ends with a ``Broken`` for the rest. ``OSError`` of the system flies.
    """
    line = 0
    try:
        if ending == ".csv":
            rows = table(file, encoding)
        elif ending == ".parquet":
            rows = parquet(file)
        elif ending in (".jsonl", ".json"):
            rows = lines(file, encoding)
        else:
            rows = whole(file, encoding, column)
        for line, record in rows:
            yield line, record
    except Exception as error:
        if not damaged(error):
            raise
        yield line + 1, Broken(reason=f"the file is broken from here on ({error})", rest=True)


def damaged(error: Exception) -> bool:
    """Whether this is about the file's bytes: unpackers raise ``OSError`` too, but without the system's number."""
    import zstandard

    if isinstance(error, OSError):
        return error.errno is None and not isinstance(error, ConnectionError | TimeoutError)
    return isinstance(error, EOFError | zlib.error | lzma.LZMAError | zstandard.ZstdError)


def whole(file: Any, encoding: str, column: str) -> Iterator[tuple[int, Record]]:
    """A file of plain text is one record."""
    raw = file.read()
    try:
        yield 0, {column: raw.decode(encoding).removeprefix("\ufeff")}
    except UnicodeDecodeError as error:
        number = raw.count(b"\n", 0, error.start) + 1
        yield number, Broken(reason=f"is not {told(encoding)} (byte {error.start:,} of the file)")


def lines(file: Any, encoding: str) -> Iterator[tuple[int, Record]]:
    """JSON Lines; blank lines are passed over."""
    unicode = told(encoding) == "UTF-8"
    rows = file if unicode else io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="\n")
    for number, raw in enumerate(rows, 1):
        if not raw.strip():
            continue
        if not unicode and foreign(raw):
            yield number, Broken(reason=f"is not {told(encoding)}")
            continue
        try:
            record = json.loads(raw)
        except (ValueError, RecursionError) as error:
            wrong = isinstance(error, UnicodeDecodeError)
            yield number, Broken(reason=f"is not {told(encoding)}" if wrong else f"is no JSON ({error})")
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            yield number, Broken(reason=f"holds {type(record).__name__}, not an object")


def table(file: Any, encoding: str) -> Iterator[tuple[int, Record]]:
    """CSV with a header line. A row is told by its first line.

    Read strictly: a stray quote else takes every row up to the next quote into one field, unseen.
    """
    csv.field_size_limit(LONGEST_FIELD)
    marked = "utf-8-sig" if told(encoding) == "UTF-8" else encoding  # with or without a byte order mark
    text = io.TextIOWrapper(file, encoding=marked, errors="surrogateescape", newline="")
    reader = csv.DictReader(text, strict=True)
    header = "".join(reader.fieldnames or ())
    if foreign(header):
        yield 1, Broken(reason=f"the header is not {told(encoding)}", rest=True)
        return
    while True:
        before = reader.reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield before + 1, Broken(reason=f"is no CSV ({error})", records=max(1, reader.reader.line_num - before))
            continue
        if None in row:
            yield before + 1, Broken(reason="has more fields than the header")
        elif any(foreign(value) for value in row.values() if value):
            yield before + 1, Broken(reason=f"is not {told(encoding)}")
        else:
            yield before + 1, dict(row)


def parquet(file: Any) -> Iterator[tuple[int, Record]]:
    """Parquet, a batch of rows at a time; a file that is none raises ``OSError``."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        for batch in ParquetFile(file).iter_batches(batch_size=256):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except pyarrow.ArrowException as error:
        raise OSError(str(error).splitlines()[0]) from None


def told(encoding: str) -> str:
    """An encoding's name as messages spell it."""
    return "UTF-8" if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig") else encoding


def foreign(text: str) -> bool:
    """Whether bytes of another encoding were found in this text (``surrogateescape`` keeps them so)."""
    return not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text)
