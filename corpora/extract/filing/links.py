"""Links of the table of contents, the lines they lead to and the items they name.

They guide to items where a filing's headings have neither the word nor the title of their form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from corpora.extract.filing.headings import LABEL, label
from corpora.extract.filing.titles import LONGEST_TITLE, titled

if TYPE_CHECKING:
    from lxml.html import HtmlElement

ROWS = ("tr", "p", "div", "li")
LETTERS = re.compile(r"[\W_]+")
AT_ITS_END = re.compile(r"[\s|.\d–-]+$")  # the page that an entry names
BEHIND, KNOWN = 160, 32  # letters behind a link's target that are remembered; by which a line is known among them
MOST = 400  # links that are followed: a filing has some hundred


def contents_links(root: HtmlElement, form: str) -> list[tuple[str, str]]:
    """(item, such as "1a"; the letters that stand where the link leads) of each entry of the contents.

    An item without a link of its own begins where the first entry below it leads.
    """
    ends = {link.get("href", "")[1:] for link in root.iter("a") if link.get("href", "").startswith("#")}
    places = {
        name: each
        for each in root.xpath("//*[@id or @name]")
        for name in (each.get("id"), each.get("name"))
        if name in ends
    }
    out: dict[tuple[str, str], None] = {}
    above = ""  # the item that the entry before names, where it has no link of its own
    for row, target in rows(root):
        name = entry(row, form) or (above if target else "")
        if target in places and name:
            out[(name, letters("".join(following(places[target]))))] = None
        above = name if not target else ""
    return [pair for pair in out if len(pair[1]) >= KNOWN][:MOST]


def rows(root: HtmlElement) -> Iterator[tuple[str, str]]:
    """(its text, where its links lead) of what may be an entry: a row of a table, else a paragraph.

    Where its cells disagree, as number and title do in some filings, most links decide, then the last.
    """
    for row in root.iter(*ROWS):
        if row.tag != "tr" and (len(row) > 8 or any(True for _ in row.iter(*ROWS[:1], "table"))):
            continue
        ends = [end[1:] for link in row.iter("a") if (end := link.get("href", "")).startswith("#")]
        inside = any(parent.tag == "tr" for parent in row.iterancestors()) if row.tag != "tr" else False
        if not inside and (ends or row.tag == "tr"):
            text = " ".join("".join(row.itertext()).split()) if len(row) < 40 else ""
            if text:
                yield text, max(reversed(ends), key=ends.count, default="")


def entry(text: str, form: str) -> str:
    """The item that an entry of the contents names, by its number or its title; empty for others."""
    if not text or len(text) > LONGEST_TITLE + 20:
        return ""
    if LABEL.match(text):
        return label(text)
    key = titled(AT_ITS_END.sub("", text), form)
    return key.rpartition("-")[2].lower() if key else ""


def following(place: HtmlElement) -> Iterator[str]:
    """The text that begins at an element, until it is enough to know it by."""
    size = 0
    element: HtmlElement | None = place
    entering = True
    while element is not None and size < 4 * BEHIND:
        text = element.text if entering else element.tail
        if text:
            size += len(text)
            yield text
        if entering and len(element):
            element = element[0]
        elif entering:
            entering = False
        elif (beside := element.getnext()) is not None:
            element, entering = beside, True
        else:
            element = element.getparent()


def letters(text: str) -> str:
    """Letters and digits alone, as many as a target is known by."""
    return LETTERS.sub("", text).lower()[:BEHIND]


def lines_linked(lines: list[str], links: Sequence[tuple[str, str]]) -> dict[int, list[str]]:
    """The numbers of the lines to which links lead, each with its items.

    What stands between a link's target and the line is of the page: a running header, or nothing.
    """
    if not links:
        return {}
    bare = [letters(line) for line in lines]
    full = [number for number, text in enumerate(bare) if text]
    begins: dict[str, int] = {}
    for place in range(len(full) - 1, -1, -1):
        text = ""
        for number in full[place : place + KNOWN]:
            text += bare[number]
            if len(text) >= KNOWN:
                begins[text[:KNOWN]] = full[place]
                break
    out: dict[int, list[str]] = {}
    for name, behind in links:
        lines_behind = (begins.get(behind[at : at + KNOWN]) for at in range(len(behind) - KNOWN + 1))
        line = next((each for each in lines_behind if each is not None), None)
        if line is not None:
            out.setdefault(line, []).append(name)
    return out
