"""RSS and Atom: news, press releases, central banks; each entry's page, or the entry itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from corpora.document import Document, Quarantined
from corpora.extract import EXTRACTORS, Extracted, Failed, Job, Mode
from corpora.feed.entries import FeedEntry, Log, canonical, refresh
from corpora.feed.page_cache import Shelf, StoredPage
from corpora.sources.licensing import LicenceOverride, agreed, header_licences, page_licence, settle
from corpora.sources.pages import Page, PageResult, read_pages
from corpora.sources.source import Source
from corpora.web import PoliteClient
from corpora.web.rate_limit import file_name
from corpora.web.signed import unsigned
from domain.errors import UserError
from domain.machine import Machine
from domain.url_secrets import has_secret, shown

AT_ONCE = 8  # pages on their way; each site still has its own pace
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
FRAGMENT = "corpora.sources.feed:fragment"


class Feed(Source):
    """Entries are remembered in the machine's cache, so that what a feed forgets stays, and only what is new is asked.

    Documents are in order of their days. ``contact`` is told to every site that is asked.
    """

    libraries = (*EXTRACTORS, "feedparser")

    kind: Literal["feed"] = "feed"
    urls: Annotated[tuple[str, ...], Field(min_length=1, description="of the feeds")]
    contact: Annotated[str, Field(exclude=True, description="your e-mail address")]
    pages: Annotated[bool, Field(description="false: what the entry itself says, not the page it links to")] = True
    mode: Mode = "trafilatura"
    licence: str | LicenceOverride | None = None

    @field_validator("urls")
    @classmethod
    def _web(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url):
                raise ValueError(f"{url[:80]!r} is no URL of a feed; write for instance https://example.com/news.rss")
        return urls

    @field_validator("contact")
    @classmethod
    def _mail(cls, contact: str) -> str:
        if not (contact.isascii() and contact.isprintable() and MAIL.search(contact)):
            raise ValueError("sites want to know who asks; write your e-mail address, for instance you@example.com")
        return contact

    @property
    def steady(self) -> bool:
        """No: it is looked up once, and read by what was found then."""
        return False

    @cached_property
    def looked_up(self) -> dict[tuple[Path, bool], tuple[list[FeedEntry], list[Quarantined]]]:
        """What the feeds said: asked once, so that stamp and documents tell of the same."""
        return {}

    def client(self, machine: Machine) -> PoliteClient:
        """Who asks."""
        return PoliteClient(machine, agent=f"shoptalk ({self.contact})", tries=3)

    def shelf(self, machine: Machine) -> Shelf:
        """The pages that are here."""
        return Shelf(machine.cache / "feed" / "pages")

    def entries(self, machine: Machine) -> tuple[list[FeedEntry], list[Quarantined]]:
        """Every entry that a feed ever held, by day and URL, and the feeds that cannot be read now.

        Without network those of which there is a text here. Raises ``UserError`` where that is none.
        """
        key = (machine.cache, machine.network)
        if key not in self.looked_up:
            entries: dict[str, FeedEntry] = {}
            failed = []
            with self.client(machine) as client:
                for url in self.urls:
                    folder = machine.cache / "feed" / file_name(unsigned(url))
                    if machine.network and (reason := refresh(url, folder, client)):
                        failed.append(Quarantined(place=shown(url), reason=shown(reason), id=unsigned(url)))
                    entries = {**Log(folder).entries(), **entries}
            if not machine.network and self.pages:
                shelf = self.shelf(machine)
                entries = {url: entry for url, entry in entries.items() if shelf.cached(url)}
            if not entries:
                reason = failed[0].reason if failed else "holds no entry, and none was ever fetched"
                raise UserError(
                    f"{self.title}: {self.urls[0]}", reason, "correct urls, or run again with network: true"
                )
            self.looked_up[key] = sorted(entries.values(), key=lambda entry: (entry.date or "", entry.url)), failed
        return self.looked_up[key]

    def stamp(self, machine: Machine) -> Any:
        """How many entries there are, SHA-256 over them, and how many pages could not be fetched the last time."""
        entries, _ = self.entries(machine)
        state = json.dumps([[entry.url, entry.updated] for entry in entries])
        shelf = self.shelf(machine)
        lost = sum(shelf.lost(entry.url) is not None for entry in entries) if self.pages else 0
        return {"entries": len(entries), "said": hashlib.sha256(state.encode()).hexdigest(), "lost": lost}

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """One for each page. What cannot be fetched or read is quarantined, and tried again by the next run."""
        ids: set[str] = set()
        documents: Iterator[PageResult] = read_pages(self.items(machine), workers=machine.worker_count)
        for document in documents:
            if isinstance(document, Document):
                if document.id in ids:
                    continue  # two entries of one page
                ids.add(document.id)
                document = replace(document, id=unsigned(document.id), url=unsigned(document.url or "") or None)
            yield document

    def items(self, machine: Machine) -> Iterator[Page | PageResult]:
        """Pages to be read, in order, and what could not be fetched."""
        entries, failed = self.entries(machine)
        yield from failed
        if not self.pages:
            for entry in entries:
                yield self.page(entry, Job(content=entry.html.encode(errors="replace"), form=FRAGMENT), None)
            return
        shelf = self.shelf(machine)
        pool = ThreadPoolExecutor(AT_ONCE)
        with self.client(machine) as client:

            def fetch(entry: FeedEntry) -> None:
                if machine.network:
                    shelf.fetch(entry.url, entry.link, entry.updated, client)

            try:
                for entry, _ in zip(entries, pool.map(fetch, entries), strict=True):
                    cached, lost = shelf.cached(entry.url), shelf.lost(entry.url)
                    if cached is not None:
                        job = Job(content=cached.content, form=cached.form, mode=self.mode, charset=cached.charset)
                        yield self.text(entry, cached) if cached.form == "text" else self.page(entry, job, cached)
                    elif lost is not None:
                        name = unsigned(entry.url)
                        yield Quarantined(place=name, reason=shown(lost.reason), id=name, records=lost.records)
            finally:
                pool.shutdown(cancel_futures=True)

    def text(self, entry: FeedEntry, cached: StoredPage) -> Document:
        """A page that is plain text."""
        return self.document(entry, cached, Extracted(text=cached.content.decode(cached.charset or "utf-8", "replace")))

    def page(self, entry: FeedEntry, job: Job, cached: StoredPage | None) -> Page:
        """A page to be read."""

        def finish(result: Extracted | Failed) -> PageResult:
            if isinstance(result, Failed):
                return Quarantined(place=shown(entry.url), reason=result.reason, id=unsigned(entry.url))
            return self.document(entry, cached, result)

        return Page(job=job, finish=finish)

    def document(self, entry: FeedEntry, cached: StoredPage | None, extracted: Extracted) -> Document:
        """The document, by the URL that its page states for itself, if that is of the same host."""
        # Where a redirect signed the address, the page is called as it was asked for.
        url = canonical(cached.url) if cached is not None and not has_secret(cached.url) else None
        stated = canonical(extracted.url or "")
        if stated is not None and host(stated) in (host(entry.url), host(url or entry.url)):
            url = stated
        links = [*extracted.licences, *header_licences(cached.link if cached is not None else "")]
        stated = agreed(entry.licence, page_licence(links, cached.url if cached is not None else entry.url))
        terms = settle(self.licence, stated, "record", shown(entry.url))
        date = entry.date or extracted.date
        return Document(
            id=url or entry.url,
            text=extracted.text,
            source=self.title,
            url=url or entry.url,
            licence=terms.licence,
            date=date,
            language=entry.language or extracted.language,
            unread_date=entry.unread_date if date is None else None,
            licence_from=terms.stated_by,
            overridden_licence=terms.overridden,
        )


def fragment(content: bytes) -> Extracted:
    """The text of an entry's own HTML, all of it."""
    from resiliparse.extract.html2text import extract_plain_text

    return Extracted(text=extract_plain_text(content.decode(errors="replace"), alt_texts=False))


def host(url: str) -> str:
    """The host of a URL, with or without www."""
    return (urlsplit(url).hostname or "").removeprefix("www.")
