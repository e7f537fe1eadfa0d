"""The cache of fetched pages, one file each: the content, and the headers it came with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from corpora.extract import form_of
from corpora.web import Answer, NotFoundError, PoliteClient, Unfit, Unreachable
from corpora.web.answer import shown
from corpora.web.http_cache import keep, read_page
from domain.errors import UserError
from domain.manifest import write_json

LARGEST_PAGE = 20_000_000  # bytes of a page
LONGEST_LINK = 10_000  # characters of an answer's Link header
TRIES = 5  # runs that ask a site for a page that it does not want to give


@dataclass(frozen=True, kw_only=True)
class StoredPage:
    """A page. ``url`` is where it was found at last, ``updated`` the state of the entry that it was fetched for,
    ``link`` the answer's header of that name."""

    url: str
    form: str
    charset: str | None
    etag: str
    modified: str
    updated: str
    content: bytes
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Why there is no page. ``records`` is 0 where its site does not want to give it: nothing was lost then.

    ``tries`` is how often it was asked for in this state of its entry.
    """

    reason: str
    records: int
    tries: int
    updated: str


class Shelf:
    """The pages in a folder, by URL. A file is written whole or not at all, so a kill costs one page at most."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, url: str, ending: str) -> Path:
        """The file for a URL."""
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        return self.folder / name[:2] / f"{name}.{ending}"

    def cached(self, url: str) -> StoredPage | None:
        """The page, if it is here."""
        try:
            here = read_page(self.path(url, "page"))
            return None if here is None else StoredPage(**here.metadata, content=here.content)
        except (OSError, TypeError):
            return None

    def lost(self, url: str) -> Lost | None:
        """Why it could not be fetched the last time, if that is so."""
        try:
            return Lost(**json.loads(self.path(url, "lost").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def fetch(self, url: str, link: str, updated: str, client: PoliteClient) -> None:
        """Fetch the page of ``link``, unless it is here in this state; its server is asked only for what is newer."""
        cached, lost = self.cached(url), self.lost(url)
        tries = 1 + (lost.tries if lost is not None and lost.updated == updated else 0)
        refused = lost is not None and not lost.records and tries > TRIES
        if refused or (cached is not None and cached.updated == updated):
            return
        headers = {"accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.8,*/*;q=0.1"}
        if cached is not None and cached.etag:
            headers["if-none-match"] = cached.etag
        if cached is not None and cached.modified:
            headers["if-modified-since"] = cached.modified
        note = self.path(url, "lost")
        note.parent.mkdir(parents=True, exist_ok=True)
        try:
            page = taken(client.get(link, headers=headers, limit=LARGEST_PAGE), updated, cached)
        except (NotFoundError, Unfit, UserError) as error:
            write_json(note, asdict(Lost(reason=str(error), records=0, tries=tries, updated=updated)))
            return
        except Unreachable as error:
            write_json(note, asdict(Lost(reason=str(error), records=1, tries=tries, updated=updated)))
            return
        said = asdict(page)
        keep(self.path(url, "page"), said.pop("content"), said, packed=False)
        note.unlink(missing_ok=True)


def taken(answer: Answer, updated: str, cached: StoredPage | None) -> StoredPage:
    """The page in an answer, or the one that is here where it has not changed; raises ``Unfit`` for no page."""
    if answer.status == 304 and cached is not None:
        return StoredPage(**{**asdict(cached), "updated": updated})
    media = answer.headers.get("content-type", "text/html")
    kind = form_of(media)
    if kind is None:
        raise Unfit(f"{shown(answer.url)} is {media[:60]!r}, no page")
    return StoredPage(
        url=answer.url,
        form=kind,
        charset=answer.charset,
        etag=answer.headers.get("etag", ""),
        modified=answer.headers.get("last-modified", ""),
        updated=updated,
        content=answer.content,
        link=answer.headers.get("link", "")[:LONGEST_LINK],
    )
