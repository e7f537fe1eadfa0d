"""An HTML page's main text, by trafilatura without its fallbacks or by resiliparse alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from corpora.extract.charset import decoded
from corpora.extract.job import Extracted, Mode
from corpora.extract.page_metadata import about

if TYPE_CHECKING:
    from trafilatura.settings import Document

LARGEST_HTML = 100_000_000  # bytes; annual reports come to 30 MB
BARE = 0.85  # share of a page's text from which on resiliparse found nothing to speak of to leave out
MISSED = 0.4  # trafilatura is not believed where it finds less than this share of what resiliparse finds
CELL = 500  # characters; a longer cell is a part of the layout and keeps its paragraphs

DROPPED = (
    "script", "style", "noscript", "svg", "iframe", "template", "link", "button", "input", "select", "textarea",
    "object", "canvas", "audio", "video", "aside", "footer", "nav", "menu", "head", "dialog", "embed", "map", "picture",
    "applet", "datalist", "option", "marquee",
)  # fmt: skip
UNWRAPPED = ("b", "i", "em", "strong", "font", "u", "small", "span", "img", "meta", "tbody")
XBRL = re.compile(r"<ix:header\b.*?</ix:header\s*>", re.DOTALL)  # facts that no reader sees
TABLE = re.compile(r"(</?(?:t[dhr]|table)\b[^>]*>)", re.IGNORECASE)
CELL_BEGINS = re.compile(r"<t[dh]\b", re.IGNORECASE)
BLOCK = re.compile(r"</?(?:div|p|br|center|h[1-6]|blockquote)\b[^>]*>|\n", re.IGNORECASE)
ANY_TAG = re.compile(r"<[^>]*>")
CELLS_END = "\t\t"  # what resiliparse writes between two cells
CELLS = re.compile(r"\s*\t\t\s*")
BLANK = re.compile(r"\n{3,}")


def page(content: bytes, *, charset: str | None = None, mode: Mode = "trafilatura") -> Extracted:
    """The main text of an HTML page; raises ``ValueError`` where it is too large to be one.

    A page without menus and the like, such as a filing, needs no trafilatura: resiliparse reads it 10 times faster,
    and trafilatura loses much of it (F1 on 16 filings: 0.41 without its fallbacks, 0.83 with them, 0.99 so).
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    if len(content) > LARGEST_HTML:
        raise ValueError(f"is larger than {LARGEST_HTML // 10**6} MB")
    html = XBRL.sub("", decoded(content, charset))
    tree = HTMLTree.parse(with_flat_cells(html))
    metadata = about(tree, html)
    main = extract_plain_text(tree, main_content=True, alt_texts=False, comments=False)
    if mode == "trafilatura":
        everything = extract_plain_text(tree, alt_texts=False)
        if len(main) < BARE * len(everything):
            extracted = trafilatura(html)
            if len(extracted) >= MISSED * len(main):
                return Extracted(text=extracted, **metadata)
    return Extracted(text=tidy(main, tables=TABLE.search(html) is not None), **metadata)


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
        tree = document_fromstring(html.encode(), parser=parser)
    except etree.ParserError:  # there is no element in it
        return ""
    etree.strip_elements(tree, *DROPPED, with_tail=False)
    etree.strip_tags(tree, *UNWRAPPED)
    extracted: Document | None = bare_extraction(tree, fast=True, favor_recall=True, include_comments=False)
    return str(extracted.text or "") if extracted is not None else ""


def with_flat_cells(html: str) -> str:
    """Make each cell of a table one line, so that a row can be one; on the markup, since a change of resiliparse's
    tree takes time with its size (147 s where a filing has 1.1 MB)."""
    parts = TABLE.split(html)  # markup and tags of tables by turns, beginning with markup
    for at in range(1, len(parts) - 2, 2):
        if CELL_BEGINS.match(parts[at]) and not parts[at + 2].lower().startswith("<table"):
            flat = BLOCK.sub(" ", parts[at + 1])
            if len(ANY_TAG.sub("", flat)) <= CELL:
                parts[at + 1] = flat
    return "".join(parts)


def tidy(text: str, *, tables: bool) -> str:
    """Rows as ``a | b`` and items as ``- a``, as trafilatura writes them; at most one blank line, nothing trailing."""
    lines = []
    for line in text.splitlines():
        begin = line.lstrip()
        if begin.startswith("• "):
            line = f"{line[: len(line) - len(begin)]}- {begin[2:]}"
        lines.append(CELLS.sub(" | ", line.rstrip()) if tables and CELLS_END in line else line.rstrip())
    return BLANK.sub("\n\n", "\n".join(lines)).strip()
