"""Decodes the body of a crawled HTTP response, whether or not its crawler has already done so."""

from __future__ import annotations

import re

from corpora.web.decode import DECODERS, DecodeError, decoded

# RFC 9112, 7.1: a size in hexadecimal, extensions behind a semicolon.
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
# What some servers state that encode nothing.
NO_ENCODING = {"", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8", "iso-8859-1"}
MARKED = {"gzip", "x-gzip", "zstd"}  # encodings whose data begins with bytes that no text has
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # byte order marks
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # what no text in ASCII's family has
LOOKED_AT = 1_000  # bytes by which a text is told from what is packed


def body(raw: bytes, *, transfer: str, encoding: str, limit: int) -> bytes:
    """The body behind its Transfer-Encoding and Content-Encoding; one that is none of what they state, as it stands.

    Some crawlers undo encodings and leave the headers that state them. No more is unpacked than tells that the body is
    larger than ``limit`` bytes. Raises ``DecodeError`` for what is damaged or breaks off.
    """
    content = dechunked(raw) if "chunked" in transfer.lower() else raw
    names = {name for each in encoding.lower().split(",") if (name := each.strip()) not in NO_ENCODING}
    if not names or is_page(content) or (names <= MARKED and is_plain(content)):
        return content
    try:
        size, pieces = 0, list[bytes]()
        for piece in decoded([content], encoding):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
        return b"".join(pieces)
    except DecodeError:
        if names <= set(DECODERS) and is_plain(content):
            return content
        raise


def dechunked(raw: bytes) -> bytes:
    """Chunks put together; what does not begin with one, as it stands. The last one needs no CRLF behind it."""
    at, pieces = 0, list[bytes]()
    while size := CHUNK_SIZE.match(raw, at):
        length = int(size[1], 16)
        if not length:
            return b"".join(pieces)
        end = size.end() + length
        behind = re.compile(rb"\r?\n").match(raw, end)
        if end > len(raw) or (behind is None and end < len(raw)):
            raise DecodeError("is no readable HTTP response (a chunk breaks off)")
        pieces.append(raw[size.end() : end])
        at = behind.end() if behind else end
    if not pieces:
        return raw
    raise DecodeError("is no readable HTTP response (the chunks break off)")


def is_page(content: bytes) -> bool:
    """Whether a body begins as HTML, PDF or a marked text does."""
    return content.startswith((*MARKS, b"%PDF-")) or content[:LOOKED_AT].lstrip()[:1] == b"<"


def is_plain(content: bytes) -> bool:
    """Whether a body is a text, and nothing that is packed."""
    return BINARY.search(content[:LOOKED_AT]) is None
