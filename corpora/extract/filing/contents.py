"""Removes the tables of contents from a filing's lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from corpora.extract.filing.headings import LABEL, label
from corpora.extract.filing.pages import LONGEST, PART_LINE

CONTENTS = re.compile(r"(?:.{0,60}\b)?(?:table of contents|contents|index)(?:\b.{0,40})?", re.I)
PLACE = re.compile(r"(?:.*(?:\.\.|\s))?\(?(?:[a-z]{1,2}-)?(\d{1,3})\)?(?:\s*[-–—]\s*\d{1,3})?", re.I)
# Lines that make a table of contents; that make one without items or heading; other lines between two of them.
ENTRIES, MANY, AWAY = 5, 12, 2


def without_contents(lines: list[str]) -> list[str]:
    """The lines without tables of contents: runs of entries that lead to pages, or to items that come later."""
    gone: set[int] = set()
    for entries in runs(lines):
        run = trimmed(lines, entries)
        if contents(lines, run):
            gone.update(range(heading(lines, run[0]), run[-1] + 1))
    return [line for number, line in enumerate(lines) if number not in gone]


def trimmed(lines: list[str], run: list[int]) -> list[int]:
    """A run without the headings around it: those that lead to no page, where most of its entries do."""
    first, last = 0, len(run)
    if 2 * sum(place(lines[number]) is not None for number in run) > len(run):
        while place(lines[run[last - 1]]) is None:
            last -= 1
        later = {label(line) for line in lines[run[-1] + 1 :]}
        while label(lines[run[first]]) not in later and place(lines[run[first]]) is None:
            first += 1
    elif run and PART_LINE.fullmatch(lines[run[-1]]):
        last -= 1
    return run[first:last]


def runs(lines: list[str]) -> Iterator[list[int]]:
    """The numbers of lines that may be entries, in runs with no more than ``AWAY`` other lines between two.

    An item that was there before and leads to no page is a heading of the text behind the contents: a run ends there.
    """
    run: list[int] = []
    keys: set[str] = set()
    away, part = 0, ""
    for number, line in enumerate(lines):
        if not line:
            continue
        if not entry(line):
            away += 1
            if away > AWAY or len(line) > LONGEST or line.endswith("."):
                yield run
                run, keys, part = [], set(), ""
            continue
        away = 0
        begins = PART_LINE.fullmatch(line)
        part = begins[1].lower() if begins else part
        key = f"{part} {label(line)}"
        if key in keys and place(line) is None:
            yield run
            run, keys = [], set()
        run.append(number)
        if begins or LABEL.match(line):
            keys.add(key)
    yield run


def place(line: str) -> int | None:
    """The page that an entry leads to: the number at its end, where no other number has a cell of its own."""
    *cells, last = line.split("|")
    match = PLACE.fullmatch(last.strip()) if len(line) <= LONGEST + 90 else None
    return int(match[1]) if match and all(any(map(str.isalpha, cell)) for cell in cells[1:]) else None


def entry(line: str) -> bool:
    """Whether a line may be one of a table of contents."""
    return len(line) <= LONGEST + 90 and bool(LABEL.match(line) or place(line) is not None or PART_LINE.fullmatch(line))


def contents(lines: list[str], run: list[int]) -> bool:
    """Whether a run of entries is a table of contents."""
    if not run:
        return False
    places = [page for number in run if (page := place(lines[number])) is not None and " " in lines[number]]
    labels = [name for number in run if (name := label(lines[number]))]
    rising = sum(a <= b for a, b in pairwise(places))
    is_contents = len(labels) >= 3 or len(places) >= MANY or heading(lines, run[0]) < run[0]
    if is_contents and len(places) >= ENTRIES and rising >= 0.8 * (len(places) - 1):
        return True
    if len(labels) < ENTRIES - 1:
        return False
    later = {label(line) for line in lines[run[-1] + 1 :]}
    return sum(each in later for each in labels) >= 0.6 * len(labels)


def heading(lines: list[str], first: int) -> int:
    """Where the heading of a table of contents begins, or its first entry where there is none."""
    before = [number for number in range(max(0, first - 8), first) if lines[number]]
    headings = [number for number in before if len(lines[number]) <= LONGEST and CONTENTS.fullmatch(lines[number])]
    return headings[0] if headings else first
