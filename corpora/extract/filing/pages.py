"""Removes page numbers, running headers and footers from a filing's lines."""

from __future__ import annotations

import re
from collections import Counter

from corpora.extract.filing.headings import LABEL
from corpora.extract.filing.titles import any_title

NUMBER = re.compile(
    r"(?:page\s+)?[-–—(\s]*(?:[a-z]{1,2}\s?[-–]\s?)?(?:\d{1,4}|[ivxl]{1,7})\s*[-–—)\s]*(?:of\s+\d{1,4})?", re.I
)
COUNTED = re.compile(r"[-–—(\s]*(\d{1,3})[-–—)\s]*")
FEWEST_BREAKS = 5  # pages; with fewer breaks, or numbers in a row, a filing is taken to have none
LINK = re.compile(
    r"(?:back to |return to )?(?:(?:the )?table of )?contents|index to (?:the )?financial statements|\(?continued\)?",
    re.I,
)
DIGITS = re.compile(r"\d+")
EDGE, LONGEST = 3, 160  # lines of a page's edge; characters of a running line
OFTEN, ROW_OFTEN = 0.04, 0.15  # share of pages that a running line stands on; a table's row, whose head may recur
PART_LINE = re.compile(r"part\s+([ivx]+)\b.{0,120}", re.I)


def unpaged(lines: list[str]) -> list[str]:
    """The lines without page furniture and page breaks. A paragraph that a break cut in two is whole again."""
    pages: list[list[str]] = [[]]
    for line in lines if lines.count("\f") >= FEWEST_BREAKS else broken(lines):
        if line == "\f":
            pages.append([])
        elif line or (pages[-1] and pages[-1][-1]):
            pages[-1].append(line)
    pages = [page for page in pages if any(page)]
    running = recurring(pages)
    heads: set[str] = set()
    out: list[str] = []
    for page in pages:
        body = peeled(page, running, heads)
        if out and body and split_between(out, body):
            while out[-1] == "":
                out.pop()
            out[-1] += " " + body.pop(0)
        elif out and out[-1]:
            out.append("")
        out.extend(body)
    return out


def broken(lines: list[str]) -> list[str]:
    """The lines with a page break behind each page number, where a filing marks its pages with numbers alone."""
    numbers: list[int] = []  # lines with numbers that count up, from a page to the next or the one after
    before = None
    for at, line in enumerate(lines):
        match = COUNTED.fullmatch(line)
        if match is not None and alone(lines, at) and (before is None or 0 < int(match[1]) - before <= 2):
            numbers.append(at)
            before = int(match[1])
    if len(numbers) < FEWEST_BREAKS:
        return lines
    breaks = set(numbers)
    return [each for at, line in enumerate(lines) for each in ((line, "\f") if at in breaks else (line,))]


def alone(lines: list[str], at: int) -> bool:
    """Whether a line is a paragraph of its own."""
    return not any(lines[max(0, at - 1) : at]) and not any(lines[at + 1 : at + 2])


def recurring(pages: list[list[str]]) -> set[str]:
    """The lines, digits apart, that stand at the edges of many pages."""
    count = Counter[str]()
    for page in pages:
        full = [line for line in page if line]
        count.update({shape(line) for line in full[:EDGE] + full[-EDGE:] if len(line) <= LONGEST})
    return {
        line for line, number in count.items() if number >= max(4, (ROW_OFTEN if "|" in line else OFTEN) * len(pages))
    }


def shape(line: str) -> str:
    """A line as a running header repeats it: its numbers differ from page to page."""
    return DIGITS.sub("#", line.lower())


def peeled(page: list[str], running: set[str], heads: set[str]) -> list[str]:
    """A page without its furniture. Of an item's heading that runs along, the first one stays."""

    def furniture(line: str) -> bool:
        if not line or NUMBER.fullmatch(line) or LINK.fullmatch(line):
            return True
        if (like := shape(line)) not in running:
            return False
        if (LABEL.match(line) or PART_LINE.fullmatch(line) or any_title(line)) and like not in heads:
            heads.add(like)
            return False
        return True

    first, last = 0, len(page)
    while last > first and furniture(page[last - 1]):
        last -= 1
    while first < last and furniture(page[first]):
        first += 1
    return [line for line in page[first:last] if not LINK.fullmatch(line)]


def split_between(out: list[str], body: list[str]) -> bool:
    """Whether a sentence runs from the end of one page to the beginning of the next."""
    last = next((line for line in reversed(out) if line), "")
    return len(last) > 60 and last[-1] not in ".:;!?|" and body[0][:1].islower() and "|" not in last + body[0]
