"""The content of one WARC record: a crawled page, or the text extracted from one."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from corpora.crawl.http_body import body
from corpora.extract import form_of
from corpora.web.answer import shown
from corpora.web.decode import DecodeError

if TYPE_CHECKING:
    from fastwarc.warc import WarcRecord

LARGEST_BLOCK = 100_000_000  # bytes of a record's block, and of a page unpacked
DIGEST = re.compile(r"(sha1|sha256|md5):([A-Za-z0-9=+/]+)")


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A page as it was crawled, or a text (``form`` text, UTF-8) that was taken from one. ``day`` is ISO.

    ``language`` is an ISO 639-3 code, where a crawler of WET files identified one; ``link`` is the response's header of
    that name.
    """

    url: str
    day: str | None
    form: Literal["html", "pdf", "text"]
    content: bytes
    charset: str | None = None
    language: str | None = None
    link: str = ""


def capture(record: WarcRecord, wanted: Callable[[str], bool]) -> Capture | str | None:
    """A record's page or text; None for what is neither or not wanted; a reason for what cannot be read."""
    if not str(record.headers.get("Content-Length") or "").strip().isdigit():
        return "breaks off within its head"
    kind = str(record.headers.get("WARC-Type") or "").strip().lower()
    url = str(record.headers.get("WARC-Target-URI") or "").strip("<> ")
    if (
        kind not in ("response", "resource", "conversion")
        or not url.startswith(("http://", "https://"))
        or not wanted(url)
    ):
        return None
    if record.content_length > LARGEST_BLOCK:
        return f"is larger than {LARGEST_BLOCK // 10**6} MB"
    try:
        block = record.reader.read()
    except OSError as error:
        return f"cannot be unpacked ({error})"
    if len(block) != record.content_length:
        return f"breaks off after {len(block):,} of {record.content_length:,} bytes"
    if not intact(block, str(record.headers.get("WARC-Block-Digest") or "")):
        return "is not what its WARC-Block-Digest says"
    day = record.record_date.date().isoformat() if record.record_date else None
    if kind == "conversion":
        language = str(record.headers.get("WARC-Identified-Content-Language") or "").partition(",")[0] or None
        return Capture(url=url, day=day, form="text", content=block, language=language)
    if kind == "resource":
        return of_type(url, day, str(record.headers.get("Content-Type") or ""), block)
    return response(url, day, block)


def response(url: str, day: str | None, block: bytes) -> Capture | str | None:
    """The page in an HTTP response with status 200, its encodings undone."""
    from fastwarc.warc import WarcRecord

    # A record of its own: an error in it leaves the file's reader as it is.
    head = f"WARC/1.1\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
    try:
        record = WarcRecord.from_bytes(head.encode() + block)
        record.parse_http(auto_decode="none", quirks_mode=True)
        headers = record.http_headers
        if headers is None or headers.status_code is None:
            return "is no HTTP response"
        media = str(record.http_content_type or "")
        if headers.status_code != 200 or form_of(media) is None:
            return None
        content = body(
            record.reader.read(),
            transfer=str(headers.get("Transfer-Encoding") or ""),
            encoding=str(headers.get("Content-Encoding") or ""),
            limit=LARGEST_BLOCK,
        )
    except OSError as error:
        return f"is no readable HTTP response ({shown(str(error))[:100]})"
    except DecodeError as error:
        return str(error)
    if len(content) > LARGEST_BLOCK:
        return f"is larger than {LARGEST_BLOCK // 10**6} MB"
    return of_type(url, day, media, content, record.http_charset, str(headers.get("Link") or ""))


def of_type(
    url: str, day: str | None, media: str, body: bytes, charset: str | None = None, link: str = ""
) -> Capture | None:
    """The capture, if its media type is one that holds text."""
    kind = form_of(media)
    if kind is None:
        return None
    if kind == "text":
        body = body.decode(supported_charset(charset), errors="replace").encode()
    return Capture(url=url, day=day, form=kind, content=body, charset=charset, link=link)


def supported_charset(charset: str | None) -> str:
    """The charset, if Python can decode it, else UTF-8."""
    try:
        b"\xff".decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return "utf-8"
    return charset or "utf-8"


def intact(block: bytes, stated: str) -> bool:
    """Whether a block has the digest that is stated, in base 32 or hexadecimal; also where none is."""
    match = DIGEST.fullmatch(stated.strip())
    if match is None:
        return True
    digest = hashlib.new(match[1], block, usedforsecurity=False)
    return match[2].lower() == digest.hexdigest() or match[2].rstrip("=").upper() == (
        base64.b32encode(digest.digest()).decode().rstrip("=")
    )
