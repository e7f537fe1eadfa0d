"""The metadata of an HTML page: title, date, language, canonical address, licences."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import TYPE_CHECKING, TypedDict

from corpora.extract.page_licence import page_licences

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
LARGEST_HEAD = 200_000  # characters of a page without a body in which its meta tags are looked for
IN_HEAD = re.compile(
    r"""<(?:(meta|link)\b((?:[^>"']|"[^"]{0,2000}"|'[^']{0,2000}'){0,4000})>|(script|style|noscript|body|/head)\b|(!--))""",
    re.IGNORECASE,
)
ENDS_OF_TAGS = {"!--": "-->", "script": "</script", "style": "</style", "noscript": "</noscript"}
ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
ADDRESS = re.compile(r"https?://[^\s<>\"']+")


class PageMetadata(TypedDict):
    """Fields of ``Extracted``."""

    title: str | None
    date: str | None
    language: str | None
    url: str | None
    licences: tuple[str, ...]


def about(tree: HTMLTree, markup: str, html: str) -> PageMetadata:
    """Fields of ``Extracted`` from resiliparse's tree of a page, its markup as that was read, and as it came, with its
    scripts; what is not said is None.
    """
    meta, link = head_of(markup)
    return {
        "title": meta.get("og:title") or " ".join((tree.title or "").split()) or None,
        "date": dated(meta, markup, html),
        "language": spoken(tree),
        "url": canonical(link, meta),
        "licences": page_licences(tree, markup, html, meta),
    }


def head_of(html: str) -> tuple[dict[str, str], str]:
    """(meta tags by name, canonical link) of a page's head, read as text: resiliparse goes through its whole tree for
    them, which takes longer than all that follows."""
    meta: dict[str, str] = {}
    link, at = "", 0
    while (tag := IN_HEAD.search(html, at, LARGEST_HEAD)) is not None:
        name, at = (tag[1] or tag[3] or tag[4]).lower(), tag.end()
        if name in ("body", "/head"):
            break
        if (ending := ENDS_OF_TAGS.get(name)) is not None:
            at = max(at, html.find(ending, at))
            continue
        inside = tag[2]
        if name == "link" and (link or "canonical" not in inside.lower()):
            continue
        attributes = {key.lower(): unescape(value.strip("\"'")) for key, value in ATTRIBUTE.findall(inside)}
        if name == "link":
            if attributes.get("rel", "").lower() == "canonical":
                link = attributes.get("href", "")
        elif "content" in attributes and (
            key := attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        ):
            meta.setdefault(key.lower(), " ".join(attributes["content"].split()))
    return meta, link


def dated(meta: dict[str, str], markup: str, html: str) -> str | None:
    """The day of publication: by a meta tag, schema.org, or the page's only ``time`` elements' one day."""
    for name in DATES:
        if day := iso_day(meta.get(name, "")):
            return day
    if "datePublished" in html and (match := LINKED.search(html)) and (day := iso_day(match[1])):
        return day
    days = {iso_day(stated) for stated in TIME.findall(markup)} if "<time" in markup else set[str | None]()
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


def canonical(link: str, meta: dict[str, str]) -> str | None:
    """The address that the page gives for itself; a relative one says too little."""
    for address in (link, meta.get("og:url", "")):
        if ADDRESS.fullmatch(address.strip()):
            return address.strip()
    return None
