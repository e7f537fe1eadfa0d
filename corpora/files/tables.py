"""Records in tables: CSV and TSV with a header line; read a row at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

from corpora.files.record import LONGEST_RECORD, Record, Unreadable, as_text, encoding_name, foreign, read_lines

MOST_FIELDS = 100_000  # of a line of a table


class TooLongError(Exception):
    """A line of a table that is longer than any record may be."""


def table(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[tuple[int, Record]]:
    """CSV or TSV with a header line. A row is told by its first line.

    Read strictly: a stray quote else takes every row up to the next quote into one field, unseen.
    """
    csv.field_size_limit(LONGEST_RECORD)
    text = as_text(file, encoding)
    reader = csv.DictReader(short(text, delimiter), strict=True, delimiter=delimiter)
    try:
        header = "".join(reader.fieldnames or ())
    except (csv.Error, TooLongError) as error:
        yield 1, Unreadable(reason=f"the header is no CSV ({error})", rest=True)
        return
    if foreign(header):
        yield 1, Unreadable(reason=f"the header is not {encoding_name(encoding)}", rest=True)
        return
    while True:
        before = reader.reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except TooLongError as error:
            yield before + 1, Unreadable(reason=str(error), rest=True)
            return
        except csv.Error as error:
            yield before + 1, Unreadable(reason=f"is no CSV ({error})", records=max(1, reader.reader.line_num - before))
            continue
        if None in row:
            yield before + 1, Unreadable(reason="has more fields than the header")
        elif any(foreign(value) for value in row.values() if value):
            yield before + 1, Unreadable(reason=f"is not {encoding_name(encoding)}")
        else:
            yield before + 1, dict(row)


def short(text: io.TextIOWrapper, delimiter: str) -> Iterator[str]:
    """The lines of a table; raises ``TooLongError`` where one has no end, or more fields than any table has."""
    for line in read_lines(text):
        if line is None:
            raise TooLongError(f"a line is longer than {LONGEST_RECORD // 10**6} MB")
        if len(line) > MOST_FIELDS and line.count(delimiter) > MOST_FIELDS:
            raise TooLongError(f"a line has more than {MOST_FIELDS:,} fields")
        yield line
