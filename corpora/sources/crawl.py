"""Crawled pages: WARC and WET files by path, glob or URL, or Common Crawl by its index."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from corpora.crawl.capture import Capture
from corpora.crawl.commoncrawl import CommonCrawl, Listed
from corpora.crawl.warc import Damage, captures
from corpora.document import Document, Quarantined, iso_language
from corpora.extract import EXTRACTORS, Extracted, Failed, Job, Mode
from corpora.files.pieces import opened
from corpora.files.stores import file_stamp, find, relative, title_of, unreadable
from corpora.sources.licensing import LicenceOverride, header_licences, page_licence, settle
from corpora.sources.pages import Page, PageResult, read_pages
from corpora.sources.source import Source
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import RecipePath

LONGEST_URL = 2_000  # characters of a URL that patterns see
PATTERN = 500  # characters of a pattern


class Crawl(Source):
    """Pages with status 200 that are HTML, PDF or plain text, and the texts of WET files.

    A page is dated by itself, else by the day of the crawl. One that does not tell its language is in all of them.
    """

    libraries = (*EXTRACTORS, "FastWARC")

    kind: Literal["crawl"] = "crawl"
    path: Annotated[RecipePath | None, Field(description="WARC or WET file, glob or URL")] = None
    index: Annotated[str | None, Field(pattern=r"^CC-MAIN-\d{4}-\d\d$", description="a crawl of Common Crawl")] = None
    domains: Annotated[tuple[str, ...], Field(description="with their subdomains; default: all")] = ()
    languages: Annotated[tuple[str, ...], Field(description="as the page or the crawl states them")] = ()
    urls: Annotated[tuple[str, ...], Field(description="regular expressions, of which a URL must hold one")] = ()
    mode: Mode = "trafilatura"
    licence: str | LicenceOverride | None = None

    @field_validator("domains")
    @classmethod
    def _bare(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        for domain in domains:
            if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain):
                raise ValueError(f"{domain[:60]!r} is no domain; write for instance example.com, in lower case")
        return domains

    @field_validator("languages")
    @classmethod
    def _codes(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for code in languages:
            if not re.fullmatch(r"[a-z]{2,3}", code):
                raise ValueError(f"{code[:20]!r} is no language code; write for instance en or de")
        return languages

    @field_validator("urls")
    @classmethod
    def _patterns(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in urls:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"{pattern[:60]!r} is no regular expression ({error})") from None
            if len(pattern) > PATTERN:
                raise ValueError(f"{pattern[:60]!r}... is longer than {PATTERN} characters; divide it into several")
        return urls

    @model_validator(mode="after")
    def _one(self) -> Crawl:
        if (self.path is None) == (self.index is None):
            raise ValueError("needs either path or index; give one of the two")
        if self.index is not None and not self.domains:
            raise ValueError(f"{self.index} holds billions of pages; name the domains to take")
        return self

    @property
    def steady(self) -> bool:
        """Whether these are files: what an index lists never changes."""
        return self.path is not None

    @property
    def title(self) -> str:
        """The name, or that of the crawl, the file, or the folder that a glob searches."""
        return self.name or self.index or title_of(self.path or "") or self.kind

    def wanted(self, url: str) -> bool:
        """Whether a URL is of the domains and patterns."""
        try:
            host = (urlsplit(url).hostname or "").lower().rstrip(".")
        except ValueError:
            return False
        inside = not self.domains or any(host == each or host.endswith(f".{each}") for each in self.domains)
        return inside and (not self.urls or any(re.search(each, url[:LONGEST_URL]) for each in self.urls))

    def spoken(self, language: str | None) -> bool:
        """Whether a language is one of those asked for, or is not known."""
        return not (self.languages and language) or language in {iso_language(each) for each in self.languages}

    def locate(self, machine: Machine) -> tuple[Any, str, list[str]]:
        """(file system, folder that all are below, sorted paths); raises ``UserError`` where there is no file."""
        files = find(str(self.path), machine)
        paths = [path for path in files.paths if files.single or files.system.exists(path)]
        if not paths:
            raise UserError(
                f"corpus: {self.path}", "is not a file", "name a WARC or WET file, or a glob such as *.warc.gz"
            )
        return files.system, files.root, paths

    def stamp(self, machine: Machine) -> Any:
        """Name, bytes and content of each file; of an index, how many pages it lists and SHA-256 over them."""
        if self.index is not None:
            with CommonCrawl(self.index, machine) as crawl:
                pages = [[page.url, page.seconds, page.digest] for page in self.listed(crawl)]
            return {"pages": len(pages), "listed": hashlib.sha256(json.dumps(pages).encode()).hexdigest()}
        system, root, paths = self.locate(machine)
        return [file_stamp(system, path, root) for path in paths]

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """The text of every page, file by file in its order, or by URL; what is damaged is quarantined."""
        return read_pages(self.items(machine), workers=machine.worker_count)

    def items(self, machine: Machine) -> Iterator[Page | PageResult]:
        """Pages to be read, texts, and what is damaged."""
        if self.index is not None:
            with CommonCrawl(self.index, machine) as crawl:
                for page in self.listed(crawl):
                    record = crawl.capture(page)
                    if record is not None:
                        yield from self.find(record, page.url, page.url, page.language)
            return
        system, root, paths = self.locate(machine)
        for path in paths:
            name = f"{self.title}/{relative(path, root)}"
            try:
                with opened(system, path) as file:
                    for record in captures(file, self.wanted):
                        at = f"@{record.offset}" if isinstance(record, Damage) else ""
                        yield from self.find(record, f"{path}{at}", f"{name}{at}", None)
            except (ConnectionError, TimeoutError):
                raise  # a retry may help
            except OSError as error:
                raise unreadable(error, path) from None

    def find(
        self, record: Capture | Damage, place: str, name: str, language: str | None
    ) -> Iterator[Page | PageResult]:
        """What one capture is; nothing for one in another language."""
        if isinstance(record, Damage):
            yield Quarantined(place=place, reason=record.reason, id=name)
            return
        stated = iso_language(record.language or language)
        if record.form == "text":
            if self.spoken(stated):
                text = record.content.decode("utf-8", errors="replace")
                yield self.document(record, Extracted(text=text, language=stated))
            return

        def finish(result: Extracted | Failed) -> PageResult | None:
            if isinstance(result, Failed):
                return Quarantined(place=place, reason=f"{record.url[:LONGEST_URL]} {result.reason}", id=record.url)
            language_code = iso_language(result.language) or stated
            return self.document(record, result, language_code) if self.spoken(language_code) else None

        job = Job(content=record.content, form=record.form, mode=self.mode, charset=record.charset)
        yield Page(job=job, finish=finish)

    def document(self, capture: Capture, extracted: Extracted, language: str | None = None) -> Document:
        """The document. What a page dates after its crawl is not believed."""
        day = (
            extracted.date if extracted.date and (capture.day is None or extracted.date <= capture.day) else capture.day
        )
        stated = page_licence([*extracted.licences, *header_licences(capture.link)], capture.url)
        terms = settle(self.licence, stated, "record", capture.url[:LONGEST_URL])
        return Document(
            id=capture.url,
            text=extracted.text,
            source=self.title,
            url=capture.url,
            licence=terms.licence,
            date=day,
            language=language or extracted.language,
            licence_from=terms.stated_by,
            overridden_licence=terms.overridden,
        )

    def listed(self, crawl: CommonCrawl) -> list[Listed]:
        """The pages in the index that are asked for; without network, those that are here."""
        captures = [page for domain in sorted(set(self.domains)) for page in crawl.listed(domain)]
        pages = {
            page.url: page for page in captures if self.wanted(page.url) and self.spoken(iso_language(page.language))
        }
        network = crawl.machine.network
        return [pages[url] for url in sorted(pages) if network or crawl.holds(pages[url])]
