"""WARC and WET files, record by record; damage is reported, and reading continues after it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from corpora.crawl.capture import LARGEST_BLOCK, Capture, capture
from corpora.crawl.record_bytes import cut_after, respelled
from corpora.files.allowance import Allowance, size_of

if TYPE_CHECKING:
    from fastwarc.warc import WarcRecord

HEADER_BYTES = 300  # of a record's head, about
SCAN = 1 << 20  # bytes read at once in search of the next record
RECORD_START = re.compile(rb"\x1f\x8b\x08|(?<=\n)WARC/1\.")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A place (bytes from the beginning) where there is no reading on, and why."""

    offset: int
    reason: str


def captures(file: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[Capture | Damage]:
    """Every page and text of a seekable file whose URL is ``wanted``, by fastwarc.

    Behind a damage the next record is searched: the next gzip member that holds one, or the next line that begins one.
    A file that unpacks to too much is left there.
    """
    from fastwarc.warc import WarcRecord

    start, allowance = 0, Allowance(size_of(file))
    damage: Damage | None = None  # told once it is clear which record it is of
    last, reported = 0, -1
    while start >= 0:
        begun, again = False, -1
        try:
            for offset, record in records(file, start):
                begun, last = True, offset
                try:
                    allowance.take(HEADER_BYTES + record.content_length)
                except OSError as error:
                    yield Damage(offset=offset, reason=str(error))
                    return
                if damage is not None:
                    yield damage
                    damage = None
                if misspelled(record):
                    whole = respelled(file, offset, LARGEST_BLOCK)
                    if whole is None:
                        raise OSError("its head cannot be read")
                    record, again = WarcRecord.from_bytes(whole[0]), whole[1]
                result = capture(record, wanted)
                if isinstance(result, str):
                    reported = offset
                    yield Damage(offset=offset, reason=result)
                elif result is not None:
                    yield result
                if again >= 0:
                    break
            if again >= 0:
                start = following(file, again)
                continue
            if not begun and start == 0:
                damage = Damage(offset=0, reason="holds no WARC record")
            elif (cut := cut_after(file, last)) is not None and (cut, last) != (reported, reported):
                damage = Damage(offset=cut, reason="breaks off within its head, or before its end")
            start = -1
        except OSError as error:
            reason = f"is no readable WARC record ({error})"
            if not begun and start > 0:
                yield Damage(offset=start, reason=reason)
                damage = None
            elif last != reported:  # the record there was told of already
                damage = Damage(offset=last, reason=reason)
            start = following(file, (last if begun else start) + 1)
    if damage is not None:
        yield damage


def misspelled(record: WarcRecord) -> bool:
    """Whether a record's length stands under a name that fastwarc does not know, such as ``content-length``."""
    return record.content_length == 0 and str(record.headers.get("Content-Length") or "0").strip() != "0"


def records(file: IO[bytes], start: int) -> Iterator[tuple[int, Any]]:
    """(offset, record) from ``start`` on; raises ``OSError`` where there is none."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    file.seek(start)
    for record in ArchiveIterator(file, record_types=WarcRecordType.any_type, parse_http=False, fsspec_args=False):
        yield record.stream_pos, record  # from the beginning of the file, wherever reading began


def following(file: IO[bytes], start: int) -> int:
    """Where, from ``start`` on, the next record begins; -1 where there is none."""
    while True:
        file.seek(start)
        data = file.read(SCAN)
        for match in RECORD_START.finditer(data):
            file.seek(start + match.start())
            if data[match.start()] != 0x1F or holds_record(file.read(1_024)):
                return start + match.start()
        if len(data) < SCAN:
            return -1
        start += SCAN - 16  # a mark may lie across the edge


def holds_record(data: bytes) -> bool:
    """Whether a gzip member begins as a WARC record does."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, 5) == b"WARC/"
    except zlib.error:
        return False
