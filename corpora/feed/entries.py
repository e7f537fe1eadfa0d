"""The log of a feed's entries: a feed forgets old entries, a corpus must not."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag
from xml.sax import SAXException

from corpora.document import LONGEST_UNREAD, iso_language
from corpora.extract import Extracted, Failed, Job, extract_pages
from corpora.metadata.dates import iso_day, states_date
from corpora.metadata.licence import statement
from corpora.web import Answer, NotFoundError, PoliteClient, Unreachable
from domain.errors import UserError, first_line
from domain.jsonlines import line, parse_line
from domain.manifest import write_atomically, write_json

if TYPE_CHECKING:
    from feedparser import FeedParserDict

logger = logging.getLogger(__name__)

LARGEST_FEED = 20_000_000  # bytes of a feed
SMALL_FEED = 200_000  # bytes of one that is parsed at once
FEED_SECONDS = 60.0  # for a larger one; 1 MB of entries takes 4


@dataclass(frozen=True, kw_only=True)
class FeedEntry:
    """An entry of RSS or Atom. ``url`` is its page's, canonical; ``link`` as it stands there; ``date`` the day that is
    written, ``unread_date`` what stands there where that is no day.

    ``updated`` changes when the entry does. ``html`` is what the entry itself says, ``licence`` a page of its licence.
    """

    url: str
    link: str
    date: str | None
    language: str | None
    updated: str
    html: str
    unread_date: str | None = None
    licence: str | None = None


class Log:
    """The entries of a feed: lines that are appended and never taken away, the last one of a URL counts.

    Each line has the digest of its entry, so that one that is not as it was written is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "entries.jsonl"

    def lines(self) -> tuple[list[FeedEntry], int]:
        """(entries in order, how many lines are none). A line may be cut short by a kill, or damaged later."""
        entries = []
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return [], 0
        lines = data.splitlines(keepends=True)
        for text in lines:
            try:
                row = parse_line(text)
                if row.pop("sha256") == digest(row) and text.endswith(b"\n"):
                    entries.append(FeedEntry(**row))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
        return entries, len(lines) - len(entries)

    def entries(self) -> dict[str, FeedEntry]:
        """By URL."""
        entries, broken = self.lines()
        if broken:
            logger.warning("%s: %d lines are not as they were written, and passed over", self.path, broken)
        return {entry.url: entry for entry in entries}

    def add(self, entries: Iterable[FeedEntry]) -> int:
        """Append what is new or has changed, and drop lines that are none; how many lines there are then."""
        before, broken = self.lines()
        recorded = {entry.url: entry for entry in before}
        new = [each for each in entries if recorded.get(each.url) != each]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if broken:
            write_atomically(self.path, b"".join(sealed(asdict(each)) for each in (*before, *new)))
        else:
            with self.path.open("ab") as file:
                file.writelines(sealed(asdict(each)) for each in new)
        return len(before) + len(new)


def sealed(row: dict[str, Any]) -> bytes:
    """The line of an entry, with its digest."""
    return line({**row, "sha256": digest(row)})


def digest(row: dict[str, Any]) -> str:
    """SHA-256 over an entry's fields."""
    return hashlib.sha256(line(row)).hexdigest()


def refresh(url: str, folder: Path, client: PoliteClient) -> str:
    """Add to the log what a feed says that is new; empty, or why that cannot be.

    All of it is asked for again where the log is not as it was left. What a feed has forgotten then is lost, and told.
    """
    mark, log = folder / "mark.json", Log(folder)
    before, broken = log.lines()
    try:
        noted = json.loads(mark.read_bytes())
        headers = {name: str(value) for name, value in noted["headers"].items() if value}
        missing = noted["lines"] - len(before)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        headers, missing = {}, broken
    if missing > 0:
        logger.warning("%s: %d entries are gone or damaged; the feed is asked for all again", log.path, missing)
        headers = {}
    try:
        answer = client.get(url, headers=headers, limit=LARGEST_FEED)
        if answer.status == 304:
            return ""
        entries, whole = parse(answer)
        count = log.add(entries)
    except (NotFoundError, Unreachable, ValueError, UserError) as error:
        return str(error)
    marks = {"if-none-match": answer.headers.get("etag"), "if-modified-since": answer.headers.get("last-modified")}
    if whole:  # and last: after a kill, or where the feed was cut short, all of it is asked for again
        write_json(mark, {"headers": marks, "lines": count})
    return ""


def parse(answer: Answer) -> tuple[list[FeedEntry], bool]:
    """The entries of a feed, and whether it is well-formed to its end; raises ``ValueError`` for what is none.

    What is large is parsed by a worker with bounds on time and memory: a broken feed may take the square of its size.
    """
    headers = {"content-location": answer.url, "content-type": answer.headers.get("content-type", "")}
    if len(answer.content) <= SMALL_FEED:
        return parsed(answer.content, headers)
    job = Job(content=line(headers) + answer.content, form=f"{__name__}:parsed_apart")
    (result,) = extract_pages([job], workers=1, seconds=FEED_SECONDS)
    if isinstance(result, Failed):
        raise ValueError(result.reason)
    answered = json.loads(result.text)
    return [FeedEntry(**each) for each in answered["entries"]], answered["whole"]


def parsed_apart(content: bytes) -> Extracted:
    """In a worker: a line of headers and a feed -> JSON of what ``parsed`` answers."""
    head, _, body = content.partition(b"\n")
    entries, whole = parsed(body, json.loads(head))
    return Extracted(text=json.dumps({"entries": [asdict(each) for each in entries], "whole": whole}))


def parsed(content: bytes, headers: dict[str, str]) -> tuple[list[FeedEntry], bool]:
    """What ``parse`` answers, by feedparser, which expands no entities but the characters of HTML."""
    import feedparser

    try:
        # A stream: what is no stream might be taken for the name of a file.
        feed: FeedParserDict = feedparser.parse(io.BytesIO(content), response_headers=headers)
    except (ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"is no feed that can be read ({error})") from None
    if not feed.get("version") and not feed.entries:
        reason = first_line(feed.get("bozo_exception", ValueError("it is of another kind")))
        raise ValueError(f"is no RSS or Atom feed ({reason})")
    language, licence = str(feed.feed.get("language") or ""), licence_of(feed.feed)
    entries = [entry for each in feed.entries if (entry := made(each, language, licence)) is not None]
    return entries, not isinstance(feed.get("bozo_exception"), SAXException)


def licence_of(each: FeedParserDict) -> str | None:
    """The pages of licences that a feed or an entry links to (RFC 4946, Creative Commons' module)."""
    links = each.get("links") or []
    return statement([str(link.get("href") or "") for link in links if link.get("rel") == "license"])


def made(each: FeedParserDict, language: str, licence: str | None) -> FeedEntry | None:
    """An entry; None for one that names no page of the web. ``language`` and ``licence`` are those of its feed."""
    link = str(each.get("link") or each.get("id") or "").strip()
    url = canonical(link)
    if url is None:
        return None
    contents = [str(part.get("value") or "") for part in each.get("content") or []]
    html = max([*contents, str(each.get("summary") or "")], key=len)
    # dict's own get: feedparser's would answer for ``updated`` with ``published``, and warn of it.
    fields = [link, each.get("title"), each.get("published"), dict.get(each, "updated"), html]
    # Read as the dates of all sources are: feedparser guesses where it does not understand, and gives UTC's day.
    stated = each.get("published") or dict.get(each, "updated")
    day = iso_day(stated)
    return FeedEntry(
        url=url,
        link=link,
        date=day,
        unread_date=str(stated)[:LONGEST_UNREAD] if day is None and states_date(stated) else None,
        licence=licence_of(each) or licence,
        language=iso_language(str(each.get("language") or "") or language),
        updated=hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:16],
        html=html,
    )


def canonical(url: str) -> str | None:
    """One spelling of a URL, without fragment and tracking parameters, by courlan; None for none of the web."""
    from courlan import normalize_url

    if not url.startswith(("http://", "https://")):
        return None
    try:
        return urldefrag(normalize_url(url)).url or None
    except ValueError:
        return None
