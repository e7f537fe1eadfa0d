"""Common Crawl by its index: the pages of a domain in one crawl, each fetched on its own."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from corpora.crawl.capture import Capture
from corpora.crawl.warc import Damage, captures
from corpora.extract import form_of
from corpora.web import Client, NotFoundError, Pace, Unfit
from corpora.web.http_cache import keep, read_page
from domain.errors import UserError
from domain.machine import Machine

INDEX = "https://index.commoncrawl.org/"
DATA = "https://data.commoncrawl.org/"
NAME = re.compile(r"crawl-data/[\w./-]+\.warc\.gz")
PAGE = 50_000_000  # bytes of a page of the index; its default of 5 blocks holds some 15,000 lines of 500 bytes
RECORD = 20_000_000  # bytes of a record, packed; Common Crawl cuts pages at 5 MB


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page in the index. ``language`` is an ISO 639-3 code or None, ``seconds`` its time (YYYYMMDDhhmmss)."""

    url: str
    seconds: str
    digest: str
    filename: str
    offset: int
    length: int
    language: str | None


class CommonCrawl:
    """One crawl, such as CC-MAIN-2024-10. What it holds never changes, so all that is fetched is kept in ``folder``,
    with its digest: what is not as it was written is fetched again."""

    def __init__(self, index: str, machine: Machine) -> None:
        self.index, self.machine = index, machine
        self.folder = machine.cache / "crawl" / index
        self.asking = Client(machine, pace=Pace(machine.cache / "pace", "index.commoncrawl.org", 1))
        self.reading = Client(machine, pace=Pace(machine.cache / "pace", "data.commoncrawl.org", 10))

    def __enter__(self) -> CommonCrawl:
        return self

    def __exit__(self, *_: object) -> None:
        self.asking.close()
        self.reading.close()

    def listed(self, domain: str) -> list[Listed]:
        """The pages of a domain and its subdomains, the latest for each URL, by URL. Raises ``UserError``."""
        latest: dict[str, Listed] = {}
        for line in self.lines(domain):
            page = listed(line)
            if page is not None and (page.url not in latest or latest[page.url].seconds < page.seconds):
                latest[page.url] = page
        return [latest[url] for url in sorted(latest)]

    def lines(self, domain: str) -> Iterator[str]:
        """The index's lines on a domain, page by page; pages that are here are not asked for."""
        folder = self.folder / "index" / domain
        query = f"url={quote(domain)}&matchType=domain&output=json"
        count = self.page(f"{query}&showNumPages=true", folder / "pages.json")
        try:
            pages = int(json.loads(count)["pages"]) if count.strip() else 0
        except (ValueError, KeyError, TypeError):
            (folder / "pages.json").unlink(missing_ok=True)
            raise UserError(
                f"{self.index}: {domain}", "the index does not say how much there is", "run again"
            ) from None
        for number in range(pages):
            yield from self.page(f"{query}&page={number}", folder / f"{number:05d}.jsonl").splitlines()

    def page(self, query: str, path: Path) -> str:
        """A page of the index; empty where it holds nothing."""
        if (here := read_page(path)) is None:
            try:
                content = self.asking.get(f"{INDEX}{self.index}-index?{query}", limit=PAGE).content
            except NotFoundError:
                content = b""
            except Unfit as error:
                raise UserError(self.index, str(error), "correct index and domains") from None
            here = keep(path, content, {}, packed=False)
        return here.content.decode(errors="replace")

    def place(self, page: Listed) -> Path:
        """Where a page's record is kept."""
        name = hashlib.sha256(f"{page.filename}:{page.offset}".encode()).hexdigest()
        return self.folder / "records" / name[:2] / f"{name[:32]}.warc"

    def holds(self, page: Listed) -> bool:
        """Whether a page's record is here, as it came."""
        return read_page(self.place(page)) is not None

    def capture(self, page: Listed) -> Capture | Damage | None:
        """A page, fetched if it is not here; None where its record holds none."""
        path = self.place(page)
        if (here := read_page(path)) is None:
            part = {"range": f"bytes={page.offset}-{page.offset + page.length - 1}", "accept-encoding": "identity"}
            try:
                content = self.reading.get(f"{DATA}{page.filename}", headers=part, limit=page.length).content
            except (NotFoundError, Unfit) as error:
                return Damage(offset=page.offset, reason=str(error))
            if len(content) != page.length:
                return Damage(offset=page.offset, reason=f"came as {len(content):,} bytes, not {page.length:,}")
            here = keep(path, content, {}, packed=False)
        return next(captures(io.BytesIO(here.content), lambda url: True), None)


def listed(line: str) -> Listed | None:
    """A line of the index; None for what is no page with text, and for a line that cannot be read."""
    try:
        row = json.loads(line)
        media = str(row.get("mime-detected") or row.get("mime") or "")
        page = Listed(
            url=str(row["url"]),
            seconds=str(row["timestamp"]),
            digest=str(row["digest"]),
            filename=str(row["filename"]),
            offset=int(row["offset"]),
            length=int(row["length"]),
            language=str(row.get("languages") or "").partition(",")[0] or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    sound = NAME.fullmatch(page.filename) and ".." not in page.filename and 0 < page.length <= RECORD
    return page if sound and page.offset >= 0 and str(row.get("status")) == "200" and form_of(media) else None
