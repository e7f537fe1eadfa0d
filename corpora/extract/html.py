"""An HTML page's main text, by trafilatura without its fallbacks or by resiliparse alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from corpora.extract.boilerplate import without_boilerplate
from corpora.extract.charset import decoded
from corpora.extract.job import Extracted, Mode
from corpora.extract.markup import prepared
from corpora.extract.page_metadata import about

if TYPE_CHECKING:
    from trafilatura.settings import Document

LARGEST_HTML = 100_000_000  # bytes; annual reports come to 30 MB
BARE = 0.95  # share of a page's text from which on resiliparse found nothing to speak of to leave out
MISSED = 0.5  # trafilatura is not believed where it finds less than this share of what resiliparse finds

DROPPED = (
    "script", "style", "noscript", "svg", "iframe", "template", "link", "button", "input", "select", "textarea",
    "object", "canvas", "audio", "video", "aside", "footer", "nav", "menu", "head", "dialog", "embed", "map", "picture",
    "applet", "datalist", "option", "marquee", "figcaption",
)  # fmt: skip
UNWRAPPED = ("b", "i", "em", "strong", "font", "u", "small", "span", "img", "meta", "tbody")
# What stands around an article by its class. No word that a table of shares or credits may have for its class, and
# few: each costs a fiftieth of the time of the whole extraction.
AROUND = ",".join(
    f'[class*="{word}"]:not(body):not(article)'
    for word in ("byline", "caption", "copyright", "share-", "-share", "social-", "author-b", "newsletter-")
)
XMLNS = 20_000  # characters in which a page of XBRL names its namespace, or has its facts
XBRL = re.compile(r"<ix:header\b.*?</ix:header\s*>", re.DOTALL)  # facts that no reader sees
CELLS_END = "\t\t"  # what resiliparse writes between two cells
CELLS = re.compile(r"\s*\t\t\s*")
BLANK = re.compile(r"\n{3,}")
RULE = re.compile(r"\|(?:---\|)+")


def page(content: bytes, *, charset: str | None = None, mode: Mode = "trafilatura") -> Extracted:
    """The main text of an HTML page; raises ``ValueError`` where it is too large to be one.

    A page without menus and the like, such as a filing, needs no trafilatura: resiliparse reads it 10 times faster,
    and trafilatura loses much of it (F1 on 16 filings: 0.41 without its fallbacks, 0.83 with them, 0.99 so).
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    if len(content) > LARGEST_HTML:
        raise ValueError(f"is larger than {LARGEST_HTML // 10**6} MB")
    html = decoded(content, charset)
    if "ix:" in html[:XMLNS]:
        html = XBRL.sub("", html)
    markup = prepared(html)
    tree = HTMLTree.parse(markup)
    metadata = about(tree, markup, html)
    if mode == "trafilatura":
        main = extract_plain_text(tree, main_content=True, alt_texts=False, comments=False)
        everything = extract_plain_text(tree, alt_texts=False)
        if len(main) >= BARE * len(everything):
            return Extracted(text=tidy(main), **metadata)
        extracted = trafilatura(html)
        if len(extracted) >= MISSED * len(main):
            return Extracted(text=without_boilerplate(extracted), **metadata)
    main = extract_plain_text(
        tree, main_content=True, alt_texts=False, comments=False, post_meta=False, skip_elements=[AROUND]
    )
    return Extracted(text=without_boilerplate(tidy(main)), **metadata)


def trafilatura(html: str) -> str:
    """What trafilatura takes for the main text. Elements that it drops or unwraps anyway are gone before it asks
    its 60 XPath expressions about each of them."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring
    from trafilatura import bare_extraction

    parser = HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False
    )
    try:
        tree = document_fromstring(prepared(html, lists=False).encode(), parser=parser)
    except etree.ParserError:  # there is no element in it
        return ""
    etree.strip_elements(tree, *DROPPED, with_tail=False)
    etree.strip_tags(tree, *UNWRAPPED)
    extracted: Document | None = bare_extraction(tree, fast=True, favor_precision=True, include_comments=False)
    lines = str(extracted.text or "").split("\n") if extracted is not None else []
    return "\n".join(line.strip("| ") if line.startswith("| ") else line for line in lines if not RULE.fullmatch(line))


def tidy(text: str) -> str:
    """Rows as ``a | b`` and items as ``- a``, as trafilatura writes them; at most one blank line, nothing trailing."""
    lines = []
    for line in text.splitlines():
        begin = line.lstrip()
        if begin.startswith("• "):
            line = f"{line[: len(line) - len(begin)]}- {begin[2:]}"
        lines.append(CELLS.sub(" | ", line.rstrip()) if CELLS_END in line else line.rstrip())
    return BLANK.sub("\n\n", "\n".join(lines)).strip()
