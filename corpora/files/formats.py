"""File formats by ending: JSON, tables, plain text or pages, compressed or not; all give records."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import PurePosixPath
from typing import IO

from corpora.files.objects import lines, values
from corpora.files.parquet import Choose, parquet
from corpora.files.record import (
    LONGEST_RECORD,
    Record,
    Unreadable,
    as_text,
    bounded,
    damaged,
    encoding_name,
    foreign,
    read_lines,
    rest,
)
from corpora.files.sniff import encoding_of, first_bytes, other_form
from corpora.files.tables import table

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
PAGES = {".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf"}
FORMATS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".txt", ".md", *PAGES)


def form(path: str) -> tuple[str, str | None]:
    """(ending without compression, compression) of a file's name."""
    endings = PurePosixPath(path).suffixes
    compression = COMPRESSIONS.get(endings[-1].lower()) if endings else None
    endings = endings[:-1] if compression else endings
    return (endings[-1].lower() if endings else ""), compression


def records(
    file: IO[bytes],
    ending: str,
    encoding: str,
    column: str,
    *,
    choose: Choose = list,
    text_by_line: bool = False,
    groups: Container[int] | None = None,
) -> Iterator[tuple[int, Record]]:
    """(line, record) of an open file; line 0 is the whole of it, as one text in ``column``. Of a
    table with a schema only the columns are read that ``choose`` names, and only row groups in ``groups``.

    What is cut short or cannot be unpacked ends with a ``Unreadable`` for the rest. ``OSError`` of the system flies.
    """
    line = 0
    try:
        start = first_bytes(file)
        if ending != ".parquet" and (other := other_form(start)) is not None:
            yield 1, Unreadable(reason=f"is {other}, whatever its name says", rest=True)
            return
        encoding = encoding_of(start, encoding)
        if ending in (".csv", ".tsv"):
            rows = table(file, encoding, "\t" if ending == ".tsv" else ",")
        elif ending == ".parquet":
            rows = parquet(file, choose, column, groups)
        elif ending in (".jsonl", ".ndjson"):
            rows = lines(as_text(file, encoding), encoding)
        elif ending == ".json":
            rows = values(as_text(file, encoding), encoding)
        elif ending == ".txt" and text_by_line:
            rows = text_lines(file, encoding, column)
        else:
            rows = whole(file, encoding, column)
        for line, record in rows:
            yield line, record
    except Exception as error:
        if not damaged(error):
            raise
        yield line + 1, rest(error)


def whole(file: IO[bytes], encoding: str, column: str) -> Iterator[tuple[int, Record]]:
    """A file of plain text is one record."""
    raw = bounded(file)
    if isinstance(raw, Unreadable):
        yield 1, raw
        return
    try:
        yield 0, {column: raw.decode(encoding).removeprefix("\ufeff")}
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        reason = f"is not {encoding_name(encoding)} (byte {at:,} of the file)"
        yield raw.count(b"\n", 0, at) + 1, Unreadable(reason=reason)


def text_lines(file: IO[bytes], encoding: str, column: str) -> Iterator[tuple[int, Record]]:
    """Plain text whose every line is a record; blank lines are passed over."""
    for number, line in enumerate(read_lines(as_text(file, encoding)), 1):
        if line is None:
            yield number, Unreadable(reason=f"is longer than {LONGEST_RECORD // 10**6} MB")
        elif foreign(line):
            yield number, Unreadable(reason=f"is not {encoding_name(encoding)}")
        elif line.strip():
            yield number, {column: line.rstrip("\r\n")}
