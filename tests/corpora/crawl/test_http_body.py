"""Bodies whose headers state encodings that a crawler has undone, or not."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from backports import zstd

from corpora.crawl.http_body import body
from corpora.web.decode import DecodeError

HTML = b"<!doctype html><p>" + b"The bank kept its rate where it was. " * 40
TEXT = b"Plain words of the bank. " * 50
BODIES = {
    "html": HTML, "html with a mark": b"\xef\xbb\xbf" + HTML, "text": TEXT, "text with a mark": b"\xef\xbb\xbf" + TEXT,
    "utf-16": b"\xff\xfe" + TEXT.decode().encode("utf-16-le"), "late html": b"\n\n  notice " + HTML,
    "pdf": b"%PDF-1.4\n" + bytes(range(256)) * 20, "latin-1": "Größe ".encode("latin-1") * 100, "one word": b"face",
}  # fmt: skip
PACK = {
    "": lambda raw: raw, "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress, "gzip, gzip": lambda raw: gzip.compress(gzip.compress(raw)), "identity": lambda raw: raw,
    "utf-8": lambda raw: raw, "GZIP": gzip.compress,
}  # fmt: skip


def chunks(raw: bytes, *, end: bytes = b"0\r\n\r\n", more: bytes = b"", size: int = 700, form: str = "%x") -> bytes:
    parts = (raw[at : at + size] for at in range(0, len(raw), size))
    return b"".join((form % len(part)).encode() + more + b"\r\n" + part + b"\r\n" for part in parts) + end


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("encoding", PACK)
def test_every_state_of_a_body(name: str, encoding: str) -> None:
    raw = BODIES[name]
    packed = PACK[encoding](raw)
    for transfer in ("", "chunked"):
        assert body(raw, transfer=transfer, encoding=encoding, limit=10**6) == raw
        assert body(packed, transfer=transfer, encoding=encoding, limit=10**6) == raw
    assert body(chunks(packed), transfer="Chunked", encoding=encoding, limit=10**6) == raw
    assert body(chunks(raw), transfer="gzip, chunked", encoding=encoding, limit=10**6) == raw


@pytest.mark.parametrize(
    "settings",
    [
        {"more": b";a=b"}, {"more": b" ; a=\"b c\""}, {"more": b"  "}, {"end": b"0\r\n"}, {"end": b"0\r\nX: 1\r\n\r\n"},
        {"end": b"0\r\n\r\n\r\n"}, {"end": b"00000\r\n\r\n", "form": "%08x"}, {"form": "%X"}, {"size": 10**6},
    ],
)  # fmt: skip
def test_ways_to_write_chunks(settings: dict[str, object]) -> None:
    assert body(chunks(HTML, **settings), transfer="chunked", encoding="", limit=10**6) == HTML  # type: ignore[arg-type]
    assert body(chunks(HTML).replace(b"\r\n", b"\n"), transfer="chunked", encoding="", limit=10**6) == HTML


@pytest.mark.parametrize(
    ("raw", "encoding", "reason"),
    [
        (chunks(HTML)[:-900], "", "breaks off"), (chunks(HTML, end=b""), "", "break off"),
        (chunks(HTML)[:50], "", "breaks off"),
        (gzip.compress(HTML)[:-20], "gzip", "is damaged"), (b"\x00\x01" * 50, "br", "is damaged"),
        (TEXT, "rot13", "not asked for"),
        (b"fffffff\r\nabc", "", "breaks off"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_told(raw: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        body(raw, transfer="chunked", encoding=encoding, limit=10**6)


def test_no_more_is_unpacked_than_tells_that_it_is_too_much() -> None:
    assert 10**6 < len(body(gzip.compress(bytes(10**8)), transfer="", encoding="gzip", limit=10**6)) < 10**7
