"""Records in Parquet, in batches of rows that decompress to a bounded size, whatever the footer says."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from corpora.files.allowance import Allowance, size_of
from corpora.files.parquet_pages import page_headers
from corpora.files.record import LONGEST_RECORD, Record, Unreadable
from domain.errors import first_line

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch, Scalar
    from pyarrow.parquet import FileMetaData, ParquetFile

Choose = Callable[[Sequence[str]], list[str]]  # of a schema's paths (``meta.published``), those that are asked for
BATCH_BYTES = 64_000_000  # that the rows of a batch may unpack to
BATCH_ROWS = (256, 64, 16, 4, 1)
LOOK_AT = 100_000  # bytes of a dictionary whose longest value is looked for
MOST_LISTED = 20_000_000  # values of a column of lists in one row group
COPY = 1 << 20  # bytes copied at once


@dataclass(frozen=True, kw_only=True)
class ColumnChunk:
    """What is known of a column in one row group: ``pages`` as (rows or values, unpacked bytes), the bytes of the
    largest value in its dictionary, and whether a row may hold several values, or a value repeat parts of others."""

    path: str
    pages: list[tuple[int, int]]
    dictionary: int
    repeated: bool
    delta: bool
    text: bool

    def unpacked(self, rows: int) -> int:
        """The most bytes that so many rows in a row may unpack to."""
        if self.repeated:
            return sum(size for _, size in self.pages) + sum(count for count, _ in self.pages) * self.dictionary
        largest = max((size for _, size in self.pages), default=0)
        value = max(self.dictionary, largest if self.delta else 0)
        return rows * value + self.most_in_pages(rows)

    def most_in_pages(self, rows: int) -> int:
        """The most bytes in the pages that so many rows in a row may lie in."""
        most = total = count = first = 0
        for number, size in self.pages:
            total, count = total + size, count + number
            # Of the first page there may be a single row.
            while count - self.pages[first][0] + 1 > rows and total > size:
                total, count, first = total - self.pages[first][1], count - self.pages[first][0], first + 1
            most = max(most, total)
        return most


def parquet(
    file: IO[bytes], choose: Choose = list, text: str = "text", groups: Container[int] | None = None
) -> Iterator[tuple[int, Record]]:
    """(number, record) of Parquet, row by row: the columns that ``choose`` names; none where ``text`` is not there.

    Only row groups in ``groups``, if any are named, are read; rows keep their numbers. Other columns are not read,
    whatever is in them. A file that is no Parquet raises ``OSError``.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        allowance = Allowance(size_of(file))
        metadata = ParquetFile(file).metadata
        paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
        chosen = choose(paths)
        if not chosen:
            yield 1, dict.fromkeys(metadata.schema.to_arrow_schema().names)
            if metadata.num_rows > 1:
                yield 2, Unreadable(reason=f"column {text} is not there", records=metadata.num_rows - 1)
            return
        there = set(chosen)
        wanted = [index for index, path in enumerate(paths) if path in there]
        for group in range(metadata.num_row_groups):
            if groups is not None and group not in groups:
                number += metadata.row_group(group).num_rows
                continue
            with local(file, metadata, group, wanted) as near:
                for batch in batches(near, metadata, group, wanted):
                    allowance.take(sum(map(unpacked_bytes, batch.columns)))
                    for record in rows(batch):
                        number += 1
                        yield number, record
    except UnicodeDecodeError:
        raise OSError("a text is not UTF-8") from None
    except pyarrow.ArrowException as error:
        raise OSError(first_line(error)) from None


def group_sizes(file: IO[bytes]) -> list[int]:
    """How many rows each row group has; raises ``OSError`` for what is no Parquet."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        metadata = ParquetFile(file).metadata
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    except pyarrow.ArrowException as error:
        raise OSError(first_line(error)) from None


@contextmanager
def local(file: IO[bytes], metadata: FileMetaData, group: int, wanted: list[int] | None = None) -> Iterator[IO[bytes]]:
    """A row group in a temporary file, at its own place there: what comes over a network, or is packed once more, is
    read once and in one piece. Raises ``OSError`` where its columns are not in the file."""
    size = size_of(file)
    columns = [span for index, span in enumerate(spans(metadata, group)) if wanted is None or index in wanted]
    if any(end > size for _, end in columns) or sum(end - start for start, end in columns) > size:
        raise OSError("its columns lie outside the file, or one over the other")
    with TemporaryFile() as copy:
        for start, end in columns:
            file.seek(start)
            copy.seek(start)
            while start < end and (data := file.read(min(COPY, end - start))):
                copy.write(data)
                start += len(data)
        copy.seek(0)
        yield copy


def spans(metadata: FileMetaData, group: int) -> list[tuple[int, int]]:
    """(first byte, end) of each column of a row group; raises ``OSError`` for what no file has."""
    about, spans = metadata.row_group(group), []
    for index in range(about.num_columns):
        column = about.column(index)
        start = column.data_page_offset
        if column.has_dictionary_page and column.dictionary_page_offset:
            start = min(start, column.dictionary_page_offset)
        if start < 0 or column.total_compressed_size < 0:
            raise OSError("a column lies outside the file")
        spans.append((start, start + column.total_compressed_size))
    return spans


def batches(
    file: IO[bytes], metadata: FileMetaData, group: int, wanted: list[int] | None = None
) -> Iterator[RecordBatch]:
    """The rows of a row group; raises ``OSError`` where no row of it can be read within bounds."""
    from pyarrow.parquet import ParquetFile

    chunks = columns(file, metadata, group, wanted)
    # A column of lists whose values stand in a dictionary stays as it is there, so that no row is unpacked unmeasured.
    indexed = [each.path for each in chunks if each.repeated and each.text and each.unpacked(1) > BATCH_BYTES]
    flat = [each for each in chunks if each.path not in indexed]
    for each in chunks:
        if each.repeated and sum(count for count, _ in each.pages) > MOST_LISTED:
            raise OSError(f"column {each.path} holds more than {MOST_LISTED:,} values in one group of rows")
    most = next((n for n in BATCH_ROWS if sum(each.unpacked(n) for each in flat) <= BATCH_BYTES), 1)
    reader: ParquetFile = ParquetFile(file, metadata=metadata, read_dictionary=indexed, buffer_size=COPY)
    names = [each.path for each in chunks]
    yield from reader.iter_batches(batch_size=1 if indexed else most, row_groups=[group], columns=names)


def columns(file: IO[bytes], metadata: FileMetaData, group: int, wanted: list[int] | None) -> list[ColumnChunk]:
    """What the pages of a row group's columns say of themselves."""
    # A column of its own name is no part of a list or a record.
    about, chunks, names = metadata.row_group(group), [], set(metadata.schema.to_arrow_schema().names)
    for index, (start, end) in enumerate(spans(metadata, group)):
        if wanted is not None and index not in wanted:
            continue
        column, schema = about.column(index), metadata.schema.column(index)
        headers = [*page_headers(file, start, end)]
        pages = [header for header in headers if not header.dictionary]
        dictionary = max((header.unpacked for header in headers if header.dictionary), default=0)
        delta, text = "DELTA_BYTE_ARRAY" in column.encodings, schema.physical_type == "BYTE_ARRAY"
        if not text:
            dictionary = min(dictionary, max(12, schema.length or 0))  # INT96 is the widest number
        elif dictionary > LOOK_AT and column.path_in_schema in names and not delta and pages and pages[0].indexes:
            dictionary = longest(file, metadata, group, column.path_in_schema)
        chunks.append(
            ColumnChunk(
                path=column.path_in_schema,
                pages=[(header.values, header.unpacked) for header in pages],
                dictionary=dictionary,
                repeated=schema.max_repetition_level > 0,
                delta=delta,
                text=text and not delta,
            )
        )
    return chunks


def longest(file: IO[bytes], metadata: FileMetaData, group: int, path: str) -> int:
    """Bytes of the longest value in a column's dictionary, which is read as it stands for the first row."""
    import pyarrow.compute as compute
    from pyarrow.parquet import ParquetFile

    reader = ParquetFile(file, metadata=metadata, read_dictionary=[path], buffer_size=COPY)
    first = next(reader.iter_batches(batch_size=1, row_groups=[group], columns=[path]))
    return int(compute.max(compute.binary_length(first.column(0).dictionary)).as_py() or 0)


def rows(batch: RecordBatch) -> Iterator[Record]:
    """The rows as Python's values; one that would be too large is not made."""
    if sum(map(unpacked_bytes, batch.columns)) <= LONGEST_RECORD:
        try:
            yield from batch.to_pylist()
        except (ValueError, OverflowError, LookupError):  # a time beyond the calendar, a zone that nobody knows
            for row in range(batch.num_rows):
                yield {name: plain(batch.column(at)[row]) for at, name in enumerate(batch.schema.names)}
    elif batch.num_rows == 1:
        yield Unreadable(reason=f"is larger than {LONGEST_RECORD // 10**6} MB")
    else:
        for row in range(batch.num_rows):
            yield from rows(batch.slice(row, 1))


def plain(value: Scalar[Any]) -> Any:
    """A value as Python's; a time that Python has none for as a text, which no reader of dates takes for a day."""
    from pyarrow import timestamp, types

    try:
        return value.as_py()
    except (ValueError, OverflowError, LookupError):
        if types.is_struct(value.type):
            return {name: plain(item) for name, item in value.items()}
        if types.is_list(value.type) or types.is_large_list(value.type):
            return [plain(item) for item in value.values]
        if types.is_timestamp(value.type) and value.type.tz is not None:
            return plain(value.cast(timestamp(value.type.unit)))  # what is stored counts in UTC
        return f"{value.type} {getattr(value, 'value', '')}"


def unpacked_bytes(array: Array[Any]) -> int:
    """What an array's values take once each of them stands for itself."""
    import pyarrow.compute as compute
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        lengths = compute.binary_length(array.dictionary).take(array.indices)
        return int(compute.sum(lengths).as_py() or 0)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_map(kind):
        return unpacked_bytes(array.flatten())
    if types.is_struct(kind):
        return sum(map(unpacked_bytes, array.flatten()))
    return int(array.nbytes)
