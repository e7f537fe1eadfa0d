"""Detects compression and UTF encoding by a file's first bytes, whatever its name says."""

from __future__ import annotations

import codecs
from typing import IO

LOOKED_AT = 256  # bytes
PACKED = {
    b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz",
    **{b"BZh%d1AY&SY" % n: "bz2" for n in range(1, 10)},
}  # fmt: skip
OTHER_FORMS = {b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet", b"%PDF-": "PDF", b"SQLite format 3\x00": "SQLite"}
BYTE_ORDER_MARKS = (  # the longer first: UTF-32's begins as UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
ANY_UTF = {"utf-8", "utf-8-sig", "utf-16", "utf-32"}  # which do not say the order of bytes
MARK_FOREIGN = (
    "shoptalk.foreign"  # the error handler of decoding: what is no text of an encoding becomes a lone surrogate
)


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udc80", error.end


codecs.register_error(MARK_FOREIGN, _marked)  # unlike surrogateescape, for encodings of several bytes too


def first_bytes(file: IO[bytes]) -> bytes:
    """The beginning of an open file, which stays where it is."""
    if hasattr(file, "peek"):
        return bytes(file.peek(LOOKED_AT)[:LOOKED_AT])
    start = file.read(LOOKED_AT)
    file.seek(-len(start), 1)
    return start


def compression_of(start: bytes, named: str | None) -> str | None:
    """How a file is packed, as fsspec calls it: by its first bytes, else as it is named."""
    return next((name for mark, name in PACKED.items() if start.startswith(mark)), named)


def encoding_of(start: bytes, stated: str) -> str:
    """The encoding of a text as Python names it: by its byte order mark, else by where the zeros of UTF-16 and UTF-32
    are, else the one that is stated."""
    for mark, name in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return name
    plain = codecs.lookup(stated).name
    if plain not in ANY_UTF:
        return stated
    start = start[:64]
    zeros = [start[at::4].count(0) for at in range(4)]
    units = len(start) // 4
    if units and zeros[2] >= units and zeros[3] >= units and not zeros[0]:
        return "utf-32-le"
    if units and zeros[0] >= units and zeros[1] >= units and not zeros[3]:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    enough = max(2, len(start) // 16)  # the marks of JSON and CSV are ASCII in text of any language
    if odd >= enough and odd > 3 * even:
        return "utf-16-le"
    if even >= enough and even > 3 * odd:
        return "utf-16-be"
    return {"utf-8": "utf-8-sig", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(plain, stated)


def other_form(start: bytes) -> str | None:
    """What a file is that should be a text, where its first bytes tell."""
    return next((name for mark, name in OTHER_FORMS.items() if start.startswith(mark)), None)
