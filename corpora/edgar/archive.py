"""EDGAR as a source reads it: the filings of a span of days, and each of them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from typing import Any

from corpora.edgar.fetch import Fetch
from corpora.edgar.index import IndexEntry, Quarter, days, entries, quarters
from corpora.extract import Failed
from corpora.extract.filing.submission import pruned
from corpora.web import NotFoundError, Unfit
from corpora.web.http_cache import keep, read_page
from domain.errors import UserError

ARCHIVES = "https://www.sec.gov/Archives/"
TICKERS = "https://www.sec.gov/files/company_tickers.json"
AT_ONCE = 8  # filings on their way, so that the pace and not the distance decides
EASTERN = timezone(timedelta(hours=-5))  # a day ends at EDGAR when it ends in Washington


def today() -> date:
    """The day at EDGAR."""
    return datetime.now(EASTERN).date()


class Archive(Fetch):
    """A context manager. Without network it answers from its cache. Raises ``UserError`` and what ``Client`` does."""

    def entries(
        self, forms: Iterable[str], since: date, until: date | None, ciks: Set[int] = frozenset()
    ) -> list[IndexEntry]:
        """The filings of a span of days, each once, by day and accession number; of some companies, or of all."""
        forms, now = tuple(forms), today()
        last = min(until or now, now)
        span = list(quarters(since, last))
        by_accession: dict[str, IndexEntry] = {}
        unknown: Quarter | None = None
        for quarter in span:
            texts = self.indexes(quarter, since, last, past=quarter < Quarter.of(now))
            if texts is None:
                unknown = unknown or quarter
                continue
            if unknown is not None:
                break
            for text in texts:
                for entry in entries(text, forms):
                    if since.isoformat() <= entry.filed <= last.isoformat() and (not ciks or entry.cik in ciks):
                        by_accession[entry.accession] = min(entry, by_accession.get(entry.accession, entry))
        else:
            # Without network nothing is known since the last run with it; to an open span that is its end.
            if unknown is not None and until is None and unknown != span[0] and not self.machine.network:
                unknown = None
        if unknown is not None and self.machine.network:
            raise UserError("edgar", f"EDGAR has no index of {unknown}", "correct since and until")
        if unknown is not None:
            raise UserError("edgar", f"the index of {unknown} was never fetched", "run once with network: true")
        return sorted(by_accession.values())

    def indexes(self, quarter: Quarter, since: date, until: date, *, past: bool) -> list[str] | None:
        """The indexes of a quarter: one for all of it once it is past, else one a day. None where that is not known."""
        if past:
            url = f"{ARCHIVES}edgar/full-index/{quarter}/form.gz"
            whole = self.newest(url, f"indexes/{quarter.year}-QTR{quarter.number}")
            if whole is not None or self.machine.network:
                return None if whole is None else [decoded(whole)]
        listing = self.listing(f"edgar/daily-index/{quarter}/")
        if listing is None:
            return None if not self.machine.network else []
        listed = (
            self.day(quarter, name, listing[name]) for day, name in days(listing).items() if since <= day <= until
        )
        return [text for text in listed if text is not None]

    def listing(self, folder: str) -> dict[str, str] | None:
        """The names in one of EDGAR's folders, and what it says of each. None where there is no such folder (yet).

        It is looked for from the top down, and never guessed: for what is not there EDGAR answers 404 or 403, and
        403 also to who asks too fast.
        """
        above, _, name = folder.rstrip("/").rpartition("/")
        if self.machine.network and above != "edgar" and name not in (self.listing(f"{above}/") or {}):
            return None
        content = self.newest(f"{ARCHIVES}{folder}index.json", f"listings/{folder.strip('/').replace('/', '-')}")
        if content is None:
            return None
        try:
            items = json.loads(content)["directory"]["item"]
            return {item["name"].strip("/"): f"{item.get('last-modified')} {item.get('size')}" for item in items}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unfit(f"{ARCHIVES}{folder}index.json is no listing of a folder ({error})") from None

    def day(self, quarter: Quarter, name: str, listed: str) -> str | None:
        """A day's index, fetched if it is new or listed otherwise than before. None where it is not there after all."""
        path = self.path(f"indexes/{name}")
        here = read_page(path)
        if here is None or (self.machine.network and here.metadata.get("listed") != listed):
            if not self.machine.network:
                return None
            try:
                content = self.get(f"{ARCHIVES}edgar/daily-index/{quarter}/{name}")
            except NotFoundError:
                return None
            keep(path, content, {"listed": listed}, packed=True)
            return decoded(content)
        return decoded(here.content)

    def holds(self, entry: IndexEntry) -> bool:
        """Whether a filing is kept here."""
        return self.path(place(entry)).exists()

    def filing(self, entry: IndexEntry) -> bytes:
        """A full submission without the bodies of pictures, archives and XBRL."""
        path = self.path(place(entry))
        here = read_page(path)
        if here is not None:
            return here.content
        content = pruned(self.get(f"{ARCHIVES}{entry.file}"))
        keep(path, content, {}, packed=True)
        return content

    def filings(self, entries: Iterable[IndexEntry]) -> Iterator[tuple[IndexEntry, bytes | Failed]]:
        """Each filing's submission, in order, a few ahead of who reads them. One that cannot be had is ``Failed``."""
        ahead: deque[tuple[IndexEntry, Future[bytes]]] = deque()
        rest = iter(entries)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            while True:
                ahead.extend((entry, pool.submit(self.filing, entry)) for entry in islice(rest, AT_ONCE - len(ahead)))
                if not ahead:
                    return
                entry, coming = ahead.popleft()
                try:
                    yield entry, coming.result()
                except NotFoundError:
                    yield entry, Failed(reason="is no longer on EDGAR")
                except Unfit as error:
                    yield entry, Failed(reason=str(error))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def ciks(self, companies: Iterable[str]) -> set[int]:
        """The numbers of companies, given as CIK or ticker. Raises ``UserError`` for a ticker that nobody has."""
        named = [company.upper().removeprefix("CIK") for company in companies]
        numbers = {int(company) for company in named if company.isdigit()}
        tickers = {company for company in named if not company.isdigit()}
        if not tickers:
            return numbers
        content = self.newest(TICKERS, "tickers")
        if content is None:
            raise UserError("edgar", "the SEC's list of tickers was never fetched", "write CIKs in companies")
        listed: dict[str, Any] = json.loads(content)
        by_ticker = {str(row["ticker"]).upper(): int(row["cik_str"]) for row in listed.values()}
        for ticker in sorted(tickers - by_ticker.keys()):
            raise UserError("companies", f"the SEC knows no ticker {ticker}", "correct it, or write the company's CIK")
        return numbers | {by_ticker[ticker] for ticker in tickers}


def place(entry: IndexEntry) -> str:
    """The name that a filing is kept under; a folder for each filer, since one holds a million of them badly."""
    return f"filings/{entry.accession[:10]}/{entry.accession}"


def decoded(content: bytes) -> str:
    """An index as text: UTF-8 or, as it was for years, Latin-1."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
