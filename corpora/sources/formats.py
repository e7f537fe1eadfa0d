"""The forms of a file: JSON, CSV, Parquet, plain text or pages, compressed or not, read a record at a time."""

from __future__ import annotations

import csv
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
PAGES = {".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf"}
FORMATS = (".jsonl", ".json", ".parquet", ".csv", ".tsv", ".txt", ".md", *PAGES)
LONGEST = 100_000_000  # bytes or characters of one record; files may have any size
PIECE = 1 << 16  # characters read at once where there are no lines


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
        if ending in (".csv", ".tsv"):
            rows = table(file, encoding, "\t" if ending == ".tsv" else ",")
        elif ending == ".parquet":
            rows = parquet(file)
        elif ending == ".jsonl":
            rows = lines(as_text(file, encoding), encoding)
        elif ending == ".json":
            rows = values(as_text(file, encoding), encoding)
        else:
            rows = whole(file, encoding, column)
        for line, record in rows:
            yield line, record
    except Exception as error:
        if not damaged(error):
            raise
        yield line + 1, rest(error)


def rest(error: Exception) -> Broken:
    """What stands for all records behind a break."""
    return Broken(reason=f"the file is broken from here on ({error})", rest=True)


def damaged(error: Exception) -> bool:
    """Whether this is about the file's bytes: unpackers raise ``OSError`` too, but without the system's number."""
    if isinstance(error, OSError):
        return error.errno is None and not isinstance(error, ConnectionError | TimeoutError)
    # zipfile raises RuntimeError for a member with a password, NotImplementedError for a method it does not know.
    from backports.zstd import ZstdError

    packed = zlib.error | lzma.LZMAError | ZstdError | zipfile.BadZipFile | tarfile.TarError
    return isinstance(error, EOFError | packed | RuntimeError | NotImplementedError)


def bounded(file: Any) -> bytes | Broken:
    """All bytes of a file that is one record; never more than ``LONGEST`` of them, however well they were packed."""
    try:
        raw = file.read(LONGEST + 1)
    except Exception as error:
        if not damaged(error):
            raise
        return rest(error)
    return Broken(reason=f"is larger than {LONGEST // 10**6} MB") if len(raw) > LONGEST else bytes(raw)


def whole(file: Any, encoding: str, column: str) -> Iterator[tuple[int, Record]]:
    """A file of plain text is one record."""
    raw = bounded(file)
    if isinstance(raw, Broken):
        yield 1, raw
        return
    try:
        yield 0, {column: raw.decode(encoding).removeprefix("\ufeff")}
    except UnicodeDecodeError as error:
        number = raw.count(b"\n", 0, error.start) + 1
        yield number, Broken(reason=f"is not {told(encoding)} (byte {error.start:,} of the file)")


def as_text(file: Any, encoding: str) -> io.TextIOWrapper:
    """A file's text with or without a byte order mark; bytes of another encoding become lone surrogates."""
    marked = "utf-8-sig" if told(encoding) == "UTF-8" else encoding
    return io.TextIOWrapper(file, encoding=marked, errors="surrogateescape", newline="\n")


def read_lines(text: io.TextIOWrapper) -> Iterator[str | None]:
    """The lines of a text; None for one that is longer than ``LONGEST``, which is passed over in pieces."""
    while line := text.readline(LONGEST):
        if len(line) == LONGEST and not line.endswith("\n"):
            while (piece := text.readline(PIECE)) and not piece.endswith("\n"):
                pass
            yield None
        else:
            yield line


def lines(text: io.TextIOWrapper, encoding: str) -> Iterator[tuple[int, Record]]:
    """JSON Lines; blank lines are passed over."""
    for number, line in enumerate(read_lines(text), 1):
        if line is None:
            yield number, Broken(reason=f"is longer than {LONGEST // 10**6} MB")
        elif line.strip():
            yield number, parsed(line, encoding)


def parsed(line: str, encoding: str) -> Record:
    """The record of one line."""
    if foreign(line):
        return Broken(reason=f"is not {told(encoding)}")
    try:
        return as_record(json.loads(line))
    except (ValueError, RecursionError) as error:
        return Broken(reason=f"is no JSON ({error})")


def as_record(value: Any) -> Record:
    """A JSON value as a record."""
    return value if isinstance(value, dict) else Broken(reason=f"holds {type(value).__name__}, not an object")


def values(text: io.TextIOWrapper, encoding: str) -> Iterator[tuple[int, Record]]:
    """A ``.json`` file: one array, objects one after the other over any number of lines, or JSON Lines.

    It is JSON Lines if its first line that is not blank is a whole value other than ``[``; else a record is told by
    the line that it begins on. Behind a value that is no JSON nothing is found again: it breaks the rest.
    """
    first, line = "", 0
    while not first.strip():
        if not (first := text.readline(LONGEST)):
            return
        line += 1
    start = first.lstrip()
    if not start.startswith("[") and (len(first) == LONGEST or not isinstance(parsed(first, encoding), Broken)):
        yield line, parsed(first, encoding)
        for number, record in lines(text, encoding):
            yield line + number, record
        return
    line += first[: len(first) - len(start)].count("\n")
    buffer, listed = start.removeprefix("["), start.startswith("[")
    decoder, more, between = json.JSONDecoder(), PIECE, 0
    while True:
        stripped = buffer.lstrip(" \t\r\n," if listed and between else " \t\r\n")
        line += buffer[: len(buffer) - len(stripped)].count("\n")
        buffer = stripped
        if listed and buffer.startswith("]"):
            listed, buffer = False, buffer[1:]
            continue
        try:
            value, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            # The value may go on; each try reads as much again, so that all tries together stay linear.
            piece = "" if isinstance(error, RecursionError) or len(buffer) > LONGEST else text.read(more)
            if piece:
                buffer, more = buffer + piece, max(PIECE, len(buffer) + len(piece))
                continue
            if buffer or listed:
                yield line or 1, too_long_or(error, buffer, encoding)
            return
        found, buffer, more, between = buffer[:end], buffer[end:], PIECE, between + 1
        if end > LONGEST:
            yield line, Broken(reason=f"is longer than {LONGEST // 10**6} MB")
        else:
            yield line, Broken(reason=f"is not {told(encoding)}") if foreign(found) else as_record(value)
        line += found.count("\n")


def too_long_or(error: Exception, buffer: str, encoding: str) -> Broken:
    """Why no value could be read behind this point."""
    if len(buffer) > LONGEST:
        return Broken(reason=f"is longer than {LONGEST // 10**6} MB", rest=True)
    found = f"is not {told(encoding)}" if foreign(buffer[:PIECE]) else f"is no JSON ({error})"
    return Broken(reason=f"{found}; the file is broken from here on", rest=True)


class TooLongError(Exception):
    """A line of a table that is longer than any record may be."""


def table(file: Any, encoding: str, delimiter: str) -> Iterator[tuple[int, Record]]:
    """CSV or TSV with a header line. A row is told by its first line.

    Read strictly: a stray quote else takes every row up to the next quote into one field, unseen.
    """
    csv.field_size_limit(LONGEST)
    text = as_text(file, encoding)
    reader = csv.DictReader(short(text), strict=True, delimiter=delimiter)
    try:
        header = "".join(reader.fieldnames or ())
    except (csv.Error, TooLongError) as error:
        yield 1, Broken(reason=f"the header is no CSV ({error})", rest=True)
        return
    if foreign(header):
        yield 1, Broken(reason=f"the header is not {told(encoding)}", rest=True)
        return
    while True:
        before = reader.reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except TooLongError:
            yield before + 1, Broken(reason=f"a line is longer than {LONGEST // 10**6} MB", rest=True)
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


def short(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a table; raises ``TooLongError`` where one has no end."""
    for line in read_lines(text):
        if line is None:
            raise TooLongError("a line has no end")
        yield line


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
    except UnicodeDecodeError:
        raise OSError("a text is not UTF-8") from None
    except pyarrow.ArrowException as error:
        raise OSError(str(error).splitlines()[0]) from None


def told(encoding: str) -> str:
    """An encoding's name as messages spell it."""
    return "UTF-8" if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig") else encoding


def foreign(text: str) -> bool:
    """Whether bytes of another encoding were found in this text (``surrogateescape`` keeps them so)."""
    return not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text)
