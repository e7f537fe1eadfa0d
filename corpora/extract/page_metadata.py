"""What an HTML page says of itself in its head: title, date, language, canonical address."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree

DATES = (
    "article:published_time", "datepublished", "og:published_time", "publishdate", "pubdate", "publish-date",
    "date.issued", "dcterms.issued", "dcterms.created", "dcterms.date", "dc.date.issued", "dc.date", "citation_date",
    "citation_publication_date", "sailthru.date", "parsely-pub-date", "date",
)  # fmt: skip
LINKED = re.compile(r'"datePublished"\s*:\s*"(\d{4}-\d\d-\d\d)')  # schema.org in JSON-LD
TIME = re.compile(r"""<time\b[^>]{0,300}?\bdatetime\s*=\s*["']?([^"'>]{8,40})""")
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/.]?(\d\d)[-/.]?(\d\d)(?!\d)")
LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:[-_][\w-]*)?\s*")
ADDRESS = re.compile(r"https?://[^\s<>\"']+")


def about(tree: HTMLTree, html: str) -> dict[str, str | None]:
    """Fields of ``Extracted`` from resiliparse's tree of a page and its text; what is not said is None."""
    meta: dict[str, str] = {}
    for element in tree.head.query_selector_all("meta[content]") if tree.head is not None else ():
        name = next((n for key in ("property", "name", "itemprop") if (n := element.getattr(key))), "")
        meta.setdefault(name.lower(), " ".join(element["content"].split()))
    return {
        "title": meta.get("og:title") or " ".join((tree.title or "").split()) or None,
        "date": dated(meta, html),
        "language": spoken(tree),
        "url": canonical(tree, meta),
    }


def dated(meta: dict[str, str], html: str) -> str | None:
    """The day of publication: by a meta tag, schema.org, or the page's only ``time`` elements' one day."""
    for name in DATES:
        if day := iso_day(meta.get(name, "")):
            return day
    if (match := LINKED.search(html)) and (day := iso_day(match[1])):
        return day
    days = {iso_day(stated) for stated in TIME.findall(html)}
    return days.pop() if len(days) == 1 else None


def iso_day(value: str) -> str | None:
    """The day in a date that is written year first; None where there is none."""
    match = DAY.search(value)
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None


def spoken(tree: HTMLTree) -> str | None:
    """The language that the page's root states, without its region."""
    root = tree.document.first_element_child if tree.document is not None else None
    match = LANGUAGE.fullmatch(root.getattr("lang") or "") if root is not None else None
    return match[1].lower() if match else None


def canonical(tree: HTMLTree, meta: dict[str, str]) -> str | None:
    """The address that the page gives for itself; a relative one says too little."""
    link = tree.head.query_selector('link[rel="canonical"][href]') if tree.head is not None else None
    for address in (link["href"] if link is not None else "", meta.get("og:url", "")):
        if ADDRESS.fullmatch(address.strip()):
            return address.strip()
    return None
