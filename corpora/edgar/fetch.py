"""Requests to EDGAR within the SEC's rate limit, with a cache: what has not changed is not sent again."""

from __future__ import annotations

import threading
import zlib
from pathlib import Path
from typing import Self

from corpora.web import Client, NotFoundError, Pace, Unfit
from corpora.web.http_cache import keep, read_page
from domain.machine import Machine

MARKS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
MOST = 500_000_000  # bytes; a quarter's index has 45 MB, a submission up to 300 MB
# Backed off by up to 64 s, a minute altogether on average. EDGAR shuts out for ten minutes who was too fast: what is
# still refused then is left to the retries of the flow.
TRIES = 8


class Fetch:
    """A context manager, for several threads; ``folder`` holds what is kept. Raises what ``Client`` raises."""

    def __init__(self, machine: Machine, *, contact: str, per_second: float) -> None:
        self.machine, self.agent = machine, f"Shoptalk {contact}"
        self.folder = machine.cache / "edgar"
        self.pace = Pace(self.folder, "pace", per_second)
        self.own = threading.local()
        self.clients: list[Client] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()

    @property
    def client(self) -> Client:
        """This thread's client. EDGAR answers 403 to whoever asks too fast, so that is a reason to wait."""
        if not hasattr(self.own, "client"):
            self.own.client = Client(
                self.machine, agent=self.agent, pace=self.pace, tries=TRIES, forbidden_is_busy=True
            )
            self.clients.append(self.own.client)
        client: Client = self.own.client
        return client

    def get(self, url: str) -> bytes:
        """What a URL holds."""
        return unpacked(self.client.get(url, limit=MOST).content, url)

    def newest(self, url: str, name: str) -> bytes | None:
        """What a URL holds now; without network, what it held when it was kept. None where there is nothing."""
        path = self.path(name)
        here = read_page(path)
        if not self.machine.network:
            return here.content if here else None
        validators = {MARKS[mark]: value for mark, value in here.metadata.items()} if here else {}
        try:
            answer = self.client.get(url, headers=validators, limit=MOST)
        except NotFoundError:
            return None
        if answer.status == 304 and here:
            return here.content
        content = unpacked(answer.content, url)
        keep(path, content, {mark: answer.headers[mark] for mark in MARKS if mark in answer.headers}, packed=True)
        return content

    def path(self, name: str) -> Path:
        """Where something is kept."""
        return self.folder / f"{name}.zst"


def unpacked(content: bytes, url: str) -> bytes:
    """Content that may be gzip. Raises ``Unfit`` where it is broken, or larger than ``MOST``."""
    if content[:2] != b"\x1f\x8b":
        return content
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(content, MOST)
    except zlib.error as error:
        raise Unfit(f"{url} is broken ({error})") from None
    if not stream.eof:
        raise Unfit(f"{url} is cut short, or holds more than {MOST:,} bytes")
    return plain
