"""SEC filings by form, company and days, from EDGAR's indexes; their text, whole or by item."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from corpora.document import Document, Empty, Quarantined
from corpora.edgar.named import EXAMPLE, Company, Contact, Fair, FormName, ItemName
from corpora.sources.source import Source
from domain.errors import UserError
from domain.machine import Machine

if TYPE_CHECKING:
    from corpora.edgar.archive import Archive
    from corpora.edgar.index import IndexEntry
    from corpora.extract import Extracted, Failed

SECONDS = 120.0  # for the text of one filing; the largest take 10
NO_ITEM = "no item was found in it: its form has none, or its headings have neither the word nor the titles of items"


class Edgar(Source):
    """Filings are public records. ``contact`` is told to the SEC with each request, as it asks."""

    libraries = ("lxml",)

    kind: Literal["edgar"] = "edgar"
    forms: Annotated[
        tuple[FormName, ...], Field(min_length=1, description="as EDGAR names them; 10-K/A is one of its own")
    ]
    since: Annotated[date, Field(description="first day of filing")]
    until: Annotated[date | None, Field(description="last day of filing; default: today")] = None
    companies: Annotated[tuple[Company, ...], Field(description="tickers or CIKs; default: all")] = ()
    contact: Contact
    items: Annotated[
        tuple[ItemName, ...] | None, Field(description="such as 1A (10-K), II-1A (10-Q), 2.02 (8-K), EX-99")
    ] = None
    by: Annotated[Literal["filing", "item"], Field(description="what is a document")] = "filing"
    exhibits: Annotated[bool, Field(description="with what is attached, such as press releases (EX-99)")] = False
    per_second: Fair = 8.0
    licence: str | None = "public-domain"

    @model_validator(mode="after")
    def _span(self) -> Edgar:
        if self.since.year < 1993:
            raise ValueError("EDGAR begins in 1993; write since: 1993-01-01 or later")
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until {self.until} is before since {self.since}; exchange them")
        if not self.exhibits and (named := [item for item in self.items or () if item.startswith("EX-")]):
            raise ValueError(f"items names {named[0]}, but exhibits are left out; write exhibits: true")
        return self

    @property
    def steady(self) -> bool:
        """No: it is looked up once, and read by what was found then."""
        return False

    @cached_property
    def looked_up(self) -> dict[tuple[Path, bool], list[IndexEntry]]:
        """What was found, by cache and network: looked up once, so that stamp and documents tell of the same."""
        return {}

    def archive(self, machine: Machine) -> Archive:
        """EDGAR. Raises ``UserError`` for a contact that nobody has."""
        from corpora.edgar.archive import Archive

        if machine.network and EXAMPLE.search(self.contact):
            problem = f"{self.contact} is an example, and the SEC asks who collects"
            raise UserError(f"{self.title}: contact", problem, "write your own e-mail address")
        return Archive(machine, contact=self.contact, per_second=self.per_second)

    def filings(self, machine: Machine) -> list[IndexEntry]:
        """The filings, by day and accession number. Without network, those that are kept here."""
        from corpora.web import Unfit

        key = (machine.cache, machine.network)
        if key in self.looked_up:
            return self.looked_up[key]
        with self.archive(machine) as archive:
            try:
                ciks = archive.ciks(self.companies)
                entries = archive.entries(self.forms, self.since, self.until, ciks)
            except Unfit as error:
                raise UserError(self.title, str(error), "run again later; if it stays, EDGAR has changed") from None
            available = entries if machine.network else [entry for entry in entries if archive.holds(entry)]
        if entries and not available:
            raise UserError(self.title, "none of its filings was ever fetched", "run once with network: true")
        self.looked_up[key] = available
        return available

    def stamp(self, machine: Machine) -> Any:
        """How many filings there are, and SHA-256 over their accession numbers."""
        names = [entry.accession for entry in self.filings(machine)]
        return {"filings": len(names), "accessions": hashlib.sha256("\n".join(names).encode()).hexdigest()}

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """The text of each filing, or of its items, by day and accession number."""
        from corpora.extract import Failed

        for entry, result in self.read(machine):
            if isinstance(result, Failed):
                yield Quarantined(place=entry.page, reason=result.reason, id=entry.accession)
            else:
                yield from self.written(entry, result.text)

    def read(self, machine: Machine) -> Iterator[tuple[IndexEntry, Extracted | Failed]]:
        """Each filing, fetched by some threads and read by some processes, in order."""
        from corpora.extract import Failed, Job, extract_pages

        form = f"corpora.extract.filing:{'filing_with_exhibits' if self.exhibits else 'filing'}"
        waiting: deque[tuple[IndexEntry, Failed | None]] = deque()  # filings of which nothing has come back yet

        def jobs() -> Iterator[Job]:
            for entry, content in archive.filings(self.filings(machine)):
                waiting.append((entry, content if isinstance(content, Failed) else None))
                if isinstance(content, bytes):
                    yield Job(content=content, form=form)

        with self.archive(machine) as archive:
            for result in extract_pages(jobs(), workers=machine.worker_count, seconds=SECONDS):
                entry, failed = waiting.popleft()
                while failed is not None:
                    yield entry, failed
                    entry, failed = waiting.popleft()
                yield entry, result
        for entry, failed in waiting:
            assert failed is not None
            yield entry, failed

    def written(self, entry: IndexEntry, marked: str) -> Iterator[Document | Empty]:
        """The documents of a filing. One without any of the items that are asked for gives none, and is told."""
        from corpora.extract.filing import itemised

        text, sections = itemised(marked)
        if self.by == "filing" and self.items is None:
            yield self.document(entry, entry.accession, text)
            return
        items = [item for item in sections if any(map(self.wants, (item.key, *item.further)))]
        if self.by == "item":
            for item in items:
                yield self.document(entry, f"{entry.accession}#{item.key}", item.text)
        elif items:
            yield self.document(entry, entry.accession, "\n\n".join(item.text for item in items))
        keys = [item.key for item in sections if not item.key.startswith("EX-")]
        if not items or (self.items is None and not keys):
            reason = f"has none of the items that are wanted, but {', '.join(keys)}" if keys else NO_ITEM
            yield Empty(place=entry.page, reason=reason, id=entry.accession)

    def wants(self, key: str) -> bool:
        """Whether an item is asked for; ``EX-99`` asks for ``EX-99.1`` too."""
        return (
            self.items is None or key in self.items or (key.startswith("EX-") and key.partition(".")[0] in self.items)
        )

    def document(self, entry: IndexEntry, name: str, text: str) -> Document:
        """A document."""
        return Document(
            id=name,
            text=text,
            source=self.title,
            url=entry.page,
            licence=self.licence,
            date=entry.filed,
            language="en",
        )
