"""The decompressed size of a Parquet file's pages by their own headers, since no reader checks the footer's sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

LONGEST_HEADER = 1 << 20  # bytes; a header may hold the smallest and the largest value
FIRST_HEADER = 4_096  # bytes read at first
DICTIONARY = 2  # Parquet's PageType
INDEXES = (2, 8)  # Parquet's Encoding: PLAIN_DICTIONARY, RLE_DICTIONARY
LARGEST_PAGE = 1_000_000_000  # bytes unpacked: a page is unpacked as a whole


@dataclass(frozen=True, kw_only=True)
class ParquetPage:
    """``unpacked`` bytes of a page that is a ``dictionary`` or holds ``values``, maybe as ``indexes`` into the
    dictionary; ``end`` is where the next page begins."""

    unpacked: int
    dictionary: bool
    indexes: bool
    values: int
    end: int


def page_headers(file: IO[bytes], start: int, end: int) -> Iterator[ParquetPage]:
    """The headers of a column chunk's pages; raises ``OSError`` for what is none, and for a page that is too large."""
    while start < end:
        header = page_header(file, start)
        if header.end <= start or header.end > end:
            raise OSError("a page is longer than its column")
        if header.unpacked > LARGEST_PAGE:
            raise OSError(f"a page unpacks to {header.unpacked:,} bytes, more than {LARGEST_PAGE:,}")
        yield header
        start = header.end


def page_header(file: IO[bytes], start: int) -> ParquetPage:
    """The header at a place of a file; raises ``OSError`` where there is none."""
    size = FIRST_HEADER
    while True:
        file.seek(start)
        data = file.read(size)
        try:
            reader = Compact(data)
            fields = reader.struct()
            kind, unpacked, packed = (natural(fields.get(number)) for number in (1, 2, 3))
            about = next((each for number in (5, 7, 8) if isinstance(each := fields.get(number), dict)), {1: 0})
            return ParquetPage(
                unpacked=unpacked,
                dictionary=kind == DICTIONARY,
                indexes=about.get(4 if 8 in fields else 2) in INDEXES,
                values=natural(about.get(1)),
                end=start + reader.at + packed,
            )
        except IndexError:
            if size >= LONGEST_HEADER or len(data) < size:
                raise OSError("a page has no header") from None
            size *= 16
        except RecursionError:
            raise OSError("a page has no header") from None


def natural(value: object) -> int:
    """A number that is none below 0; raises ``OSError`` for anything else."""
    if not isinstance(value, int) or value < 0:
        raise OSError("a page has no header")
    return value


class Compact:
    """Reads a struct of Thrift's compact protocol; raises ``IndexError`` where the data ends before it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        """One byte."""
        value = self.data[self.at]
        self.at += 1
        return value

    def varint(self) -> int:
        """An unsigned number, seven bits a byte."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return value

    def number(self) -> int:
        """A signed number."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, count: int) -> None:
        """Pass over so many bytes."""
        self.at += count
        if self.at > len(self.data):
            raise IndexError("the data ends here")

    def struct(self) -> dict[int, object]:
        """Numbers and structs by field; what else there is stands as None."""
        fields: dict[int, object] = {}
        number = 0
        while kind := self.byte():
            delta = kind >> 4
            number = number + delta if delta else self.number()
            fields[number] = self.value(kind & 0x0F)
        return fields

    def value(self, kind: int, *, listed: bool = False) -> object:
        """One value of a kind."""
        if kind in (1, 2):
            if listed:
                self.byte()
            return None
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.number()
        if kind in (7, 8):
            self.skip(8 if kind == 7 else self.varint())
            return None
        if kind in (9, 10):
            head = self.byte()
            count = head >> 4 if head >> 4 != 15 else self.varint()
            for _ in range(count):
                self.value(head & 0x0F, listed=True)
            return None
        if kind == 12:
            return self.struct()
        raise OSError("a page has no header")
