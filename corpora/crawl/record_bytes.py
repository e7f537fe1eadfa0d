"""The bytes of one WARC record: where it ends, whether it is complete, and its header as readers expect it."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import IO

GZIP = b"\x1f\x8b"
LONGEST_HEAD = 1 << 20  # bytes of a record's head
PIECE = 1 << 20  # bytes read or unpacked at once
HEAD_END = re.compile(rb"\r?\n\r?\n")
LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
FIELD = re.compile(rb"^([!-9;-~]+)(?=[ \t]*:)", re.MULTILINE)
# Names are case-insensitive (WARC 1.1, 4); fastwarc knows these by this spelling alone.
SPELLED = {name.lower(): name for name in (b"Content-Length", b"Content-Type", b"WARC-Type", b"WARC-Date")}


def cut_after(file: IO[bytes], offset: int) -> int | None:
    """Where a record is cut short: the one at ``offset``, the last that was read, or one behind it whose head is not
    whole. None where all is whole. Padding behind the last record is no record."""
    file.seek(offset)
    begin = file.read(5)
    packed = begin[:2] == GZIP
    if not packed and begin != b"WARC/":
        file.seek(0)
        if file.read(2) != GZIP:
            return None
        offset, packed = 0, True  # all records are in one member, and places are those behind its compression
    if not packed:
        file.seek(offset)
        head = file.read(LONGEST_HEAD)
        behind, length = HEAD_END.search(head), LENGTH.search(head)
        if behind is None or length is None:
            return offset
        return offset if offset + behind.end() + int(length[1]) > file.seek(0, io.SEEK_END) else None
    at, first = offset, True
    while True:
        begins, end = member(file, at)
        if end is None:
            # Of the last record itself the reader has told; what begins a member behind it may be padding.
            return at if first or b"WARC/".startswith(begins) or begins.startswith(b"WARC/") else None
        if not first and begins.startswith(b"WARC/"):
            return at  # a member that the reader has passed over
        file.seek(end)
        if not b"\x1f\x8b\x08".startswith(file.read(3)) or end == file.seek(0, io.SEEK_END):
            return None
        at, first = end, False


def member(file: IO[bytes], offset: int) -> tuple[bytes, int | None]:
    """(the first bytes that a gzip member unpacks to, where it ends); None where it breaks off."""
    file.seek(offset)
    stream, begins, read = zlib.decompressobj(zlib.MAX_WBITS | 16), b"", 0
    while data := file.read(PIECE):
        read += len(data)
        while data and not stream.eof:
            try:
                begins += stream.decompress(data, PIECE)[: 5 - len(begins)]
            except zlib.error:
                return begins, None
            data = stream.unconsumed_tail
        if stream.eof:
            return begins, offset + read - len(stream.unused_data)
    return begins, None


def respelled(file: IO[bytes], offset: int, limit: int) -> tuple[bytes, int] | None:
    """(a record with its field names in the usual spelling, where the next one is searched); None for one that breaks
    off, or whose block is larger than ``limit`` bytes."""
    content = bytearray()
    for piece, behind in unpacked(file, offset):
        content += piece
        end = HEAD_END.search(content)
        if end is None:
            if len(content) > LONGEST_HEAD:
                return None
            continue
        length = LENGTH.search(content, 0, end.end())
        if length is None or int(length[1]) > limit:
            return None
        last = end.end() + int(length[1])
        if len(content) >= last:
            head = FIELD.sub(lambda name: SPELLED.get(name[1].lower(), name[1]), bytes(content[: end.end()]))
            following = offset + last if behind is None else behind
            return head + bytes(content[end.end() : last]) + b"\r\n\r\n", following
    return None


def unpacked(file: IO[bytes], offset: int) -> Iterator[tuple[bytes, int | None]]:
    """(bytes of a record, a place behind its beginning where packed ones go on or None) from ``offset`` on."""
    file.seek(offset)
    begin = file.read(2)
    file.seek(offset)
    if begin != GZIP:
        while data := file.read(PIECE):
            yield data, None
        return
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while (data := file.read(PIECE)) and not stream.eof:
        while data and not stream.eof:
            try:
                piece = stream.decompress(data, PIECE)
            except zlib.error:
                return
            yield piece, offset + 1
            data = stream.unconsumed_tail
