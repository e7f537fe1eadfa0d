"""A filing's HTML, inline XBRL or not, as lines: an empty line ends a paragraph, a form feed a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from corpora.extract.filing.tables import rendered

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# What the tree is marked with before its text is taken in one go: a walk in Python over every node is 4 times slower.
# The marks are of a private use area, so they are taken out of what comes in.
LINE, PARAGRAPH, PAGE, ROW, CELL, OPEN, CLOSE, SPACE = map(chr, range(0xE0F0, 0xE0F8))
MARKS = re.compile(f"([{LINE}-{CLOSE}])")
PRIVATE = re.compile(f"[{LINE}-{SPACE}]")
UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen, zero-width marks
BLOCKS = (
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "center",
    "pre",
)
STYLED = "//@style[contains(., 'none') or contains(., 'NONE') or contains(., 'break-') or contains(., 'BREAK-')]"
HIDING = re.compile(r"display\s*:\s*none", re.I)
BREAKING = re.compile(r"(?:page-)?break-(before|after)\s*:\s*(?:always|page)", re.I)
UNREAD = ("ix:header", "ix:hidden", "xbrl", "xbrli:xbrl", "script", "style", "title")


def markup_lines(content: bytes) -> list[str]:
    """The lines of an HTML document. Empty for one without text."""
    root = displayed(content)
    return [] if root is None else tree_lines(root)


def displayed(content: bytes) -> HtmlElement | None:
    """The tree of an HTML document without what is not displayed. None for one without elements."""
    from lxml import etree

    parser = etree.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    root = etree.fromstring(decoded(content), parser)
    if root is None:
        return None
    for style in root.xpath(STYLED):
        styled(style.getparent(), style)
    for element in list(root.iter(*UNREAD)):
        remove(element)
    return root


def tree_lines(root: HtmlElement) -> list[str]:
    """The lines of a tree, which is marked on the way."""
    from lxml import etree

    mark(root)
    return lines(" ".join(visible(etree.tostring(root, method="text", encoding="unicode")).split()))


def visible(text: str) -> str:
    """The text without characters that nobody sees."""
    if not text.isascii():
        for character in UNSEEN:
            text = text.replace(character, "")
    return text


def styled(element: HtmlElement, style: str) -> None:
    """Remove what is not displayed; mark the pages that a style breaks."""
    if HIDING.search(style):
        remove(element)
        return
    for where in BREAKING.findall(style):
        if where.lower() == "before":
            element.text = PAGE + (element.text or "")
        else:
            element.tail = PAGE + (element.tail or "")


def decoded(content: bytes) -> str:
    """The text of a filing's document: UTF-8, else what Windows wrote; without an XML declaration or marks of ours."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    text = text.replace("\x00", "")
    start = text.find("?>") + 2 if text[:200].lstrip("\ufeff \r\n").startswith("<?xml") else 0
    text = text[start:]
    return text if text.isascii() else PRIVATE.sub(" ", text)


def remove(element: HtmlElement) -> None:
    """Take an element out of its tree; what follows it stays."""
    parent, tail = element.getparent(), element.tail
    if parent is None:
        return
    if tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail
    parent.remove(element)


def mark(root: HtmlElement) -> None:
    """Write marks into the tree's text, where lines, paragraphs, pages, tables, rows and cells begin and end."""
    for element in root.iter("pre"):
        marks = str.maketrans({"\n": LINE, " ": SPACE})
        for inner in element.iter():
            inner.text = inner.text.translate(marks) if inner.text else None
            if inner is not element and inner.tail:
                inner.tail = inner.tail.translate(marks)
    for element in root.iter("td", "th"):
        if (text := element.text) or len(element):  # an empty cell, and most are, needs no mark
            element.text = CELL + (text or "")
    for element in root.iter("tr"):
        element.text = ROW + (element.text or "")
    for element in root.iter("br"):
        element.tail = LINE + (element.tail or "")
    for element in root.iter(*BLOCKS):
        element.text = PARAGRAPH + (element.text or "")
        element.tail = PARAGRAPH + (element.tail or "")
    for element in root.iter("hr"):
        element.tail = PARAGRAPH + (element.tail or "")
    for element in root.iter("page"):  # plain text inside HTML
        element.text = PAGE + (element.text or "")
    for element in root.iter("table"):
        element.text = OPEN + (element.text or "")
        element.tail = CLOSE + (element.tail or "")


def lines(marked: str) -> list[str]:
    """Marked text as lines. A table inside a table's cell becomes lines of that cell."""
    pieces = MARKS.split(marked)
    outer = here = [pieces[0]]  # the lines of the page, and those of the innermost cell
    tables: list[tuple[list[str], list[list[list[str]]]]] = []  # (where a table's lines go, its rows of cells of lines)
    for sign, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if sign == CELL and tables:
            here = [text]
            if not tables[-1][1]:
                tables[-1][1].append([])
            tables[-1][1][-1].append(here)
        elif sign == ROW and tables:
            tables[-1][1].append([])
            here = [text]
        elif sign == LINE:
            here.append(text)
        elif sign == PARAGRAPH:
            here.extend(("", text))
        elif sign == PAGE:
            here.extend(("", "\f", "", text))
        elif sign == OPEN:
            tables.append((here, []))
            here = [text]
        elif sign == CLOSE and tables:
            here, rows = tables.pop()
            here.extend(("", *rendered(rows), "", text))
        else:
            here[-1] += text
    while tables:
        here, rows = tables.pop()
        here.extend(("", *rendered(rows)))
    return squeezed([line if line == "\f" else line.replace(SPACE, " ").strip() for line in outer])


def squeezed(rows: list[str]) -> list[str]:
    """The lines with no more than one empty line between two."""
    return [line for number, line in enumerate(rows) if line or (number and rows[number - 1])]
