"""WARC files made by hand, and what a crawl reads in them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from corpora.document import Document, Quarantined
from corpora.sources.crawl import Crawl
from domain.machine import Machine

PROSE = " ".join(f"The committee reviewed figure {n} and judged that demand had grown." for n in range(30))


def page(text: str = PROSE, head: str = "") -> bytes:
    return (
        f"<html><head><title>Minutes</title>{head}</head><body><article><p>{text}</p></article></body></html>".encode()
    )


def http(body: bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


def record(block: bytes, url: str, kind: str = "response", more: str = "", day: str = "2024-02-21") -> bytes:
    media = "application/http; msgtype=response" if kind == "response" else "text/plain"
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {day}T10:00:00Z\r\n{more}"
    return f"{head}Content-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def packed(*records: bytes) -> bytes:
    return b"".join(gzip.compress(each, mtime=0) for each in records)


GOOD = [record(http(page(f"{PROSE} Number {n}.")), f"http://a.example/{n}") for n in range(5)]


def read(folder: Path, content: bytes, name: str = "a.warc.gz", **settings: Any) -> list[Document | Quarantined]:
    """What a file of these bytes gives."""
    (folder / name).write_bytes(content)
    spec = Crawl(**{"path": str(folder / name), "licence": "unknown", **settings})
    return list(spec.documents(Machine(workers=1, work=folder / "work")))


def urls(found: list[Document | Quarantined]) -> list[str | None]:
    return [each.url for each in found if isinstance(each, Document)]


def reasons(found: list[Document | Quarantined]) -> list[str]:
    return [each.reason for each in found if isinstance(each, Quarantined)]
