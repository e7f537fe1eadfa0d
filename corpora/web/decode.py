"""Decodes Content-Encoding in pieces, so that a small body that expands to a huge one can be stopped."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

ACCEPTED = "gzip, deflate, br, zstd"
CHUNK_BYTES = 1 << 20  # bytes unpacked at once


class DecodeError(ValueError):
    """Says what is wrong with a body, to stand behind its name."""


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body behind a Content-Encoding header, in pieces of at most 1 MB; empty or ``identity`` passes through.

    Raises ``DecodeError`` for an encoding that was not asked for, and where the data is damaged or breaks off.
    """
    names = [name for each in encoding.lower().split(",") if (name := each.strip()) not in ("", "identity")]
    if len(names) > 2 or any(name not in DECODERS for name in names):
        raise DecodeError(f"is encoded as {encoding[:40]!r}, which was not asked for")
    for name in reversed(names):
        chunks = DECODERS[name](chunks)
    return iter(chunks)


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """gzip (all members), and deflate with or without zlib's header."""
    stream, begun = zlib.decompressobj(zlib.MAX_WBITS | 32), False
    for data in chunks:
        while data:
            if stream.eof:
                if not data.startswith(b"\x1f"):
                    break  # padding behind the last member
                stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece = stream.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                if begun:
                    raise DecodeError(f"is damaged ({error})") from None
                stream = zlib.decompressobj(-zlib.MAX_WBITS)
                piece, begun = b"", True
                continue
            begun = True
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            yield piece
    while begun and not stream.eof:
        # Input that was taken whole may leave output behind where a piece was full.
        if not (piece := stream.decompress(b"", CHUNK_BYTES)):
            raise DecodeError("is damaged (the compressed data breaks off)")
        yield piece


def unbrotlied(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Brotli."""
    import brotli  # type: ignore[import-untyped]

    stream, begun = brotli.Decompressor(), False
    try:
        for data in chunks:
            begun = begun or bool(data)
            piece = stream.process(data, output_buffer_limit=CHUNK_BYTES)
            while piece:
                yield piece
                piece = stream.process(b"", output_buffer_limit=CHUNK_BYTES)
    except brotli.error as error:
        raise DecodeError(f"is damaged ({error})") from None
    if begun and not stream.is_finished():
        raise DecodeError("is damaged (the compressed data breaks off)")


def unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Zstandard, all frames."""
    from backports import zstd

    stream, begun = zstd.ZstdDecompressor(), False
    try:
        for data in chunks:
            begun = begun or bool(data)
            while data or not (stream.needs_input or stream.eof):
                if stream.eof:
                    stream = zstd.ZstdDecompressor()
                yield stream.decompress(data, CHUNK_BYTES)
                data = stream.unused_data if stream.eof else b""
    except zstd.ZstdError as error:
        raise DecodeError(f"is damaged ({error})") from None
    if begun and not stream.eof:
        raise DecodeError("is damaged (the compressed data breaks off)")


DECODERS: dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {
    "gzip": inflated,
    "x-gzip": inflated,
    "deflate": inflated,
    "br": unbrotlied,
    "zstd": unzstd,
}
