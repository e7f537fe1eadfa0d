"""A filing's lines, divided into the items that its form prescribes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from corpora.extract.filing.choice import Candidate, fullest, ordered
from corpora.extract.filing.headings import HEADING, PART_HEADING, TITLE, Heading, heading, part_of
from corpora.extract.filing.links import lines_linked
from corpora.extract.filing.titles import family, titled

ITEM_MARK = "\x1e"  # a line that begins with it begins an item, whose keys follow, or ends one; no text can hold it
END = re.compile(r"signatures?", re.I)
COVER = re.compile(
    r"check the appropriate box|exact name of (?:the )?registrant|written communications pursuant to rule 425"
    r"|pre-commencement communications|address of principal executive offices|former name or former address"
    r"|emerging growth company|registrant.?s telephone number",
    re.I,
)
QUARTERLY = {"I": 4, "II": 8}  # the highest item of each part of a 10-Q, old forms included
KEY = re.compile(r"(\d+)(.*)")
# How much a line without the word speaks for an item, in characters of text: by a link of the contents, by its title.
LINKED, TITLED = 300, 600
PARTED = 100  # more, where the part that an item is taken for is the last one whose heading stood before it


@dataclass(frozen=True)
class FilingItem:
    """``key`` is ``1A`` (10-K, 20-F), ``II-1A`` (10-Q) or ``5.02`` (8-K); ``text`` begins with its heading.

    ``further`` are the keys that share its heading: "Items 1 and 2".
    """

    key: str
    text: str
    further: tuple[str, ...] = ()


def divided(lines: list[str], form: str, links: Sequence[tuple[str, str]] = ()) -> str:
    """The lines as text, marked where an item begins or ends. A form without items, or headings, gives no marks.

    ``links`` are those of the contents, as ``contents_links`` finds them.
    """
    lines = with_titles(lines)
    possible = candidates(lines, form, lines_linked(lines, links))
    ends = list(accumulate(len(line) + 1 for line in lines))
    whole = ends[-1] if ends else 0
    if family(form) == "8-K":
        closings = (end for line, end in zip(lines, ends, strict=True) if END.fullmatch(line))
        headings = fullest(possible, whole, tuple(closings))
    else:
        headings = ordered(possible, whole)
    bounds = [*(each.line for each in headings), len(lines)]
    out = lines[: bounds[0]]
    for each, start, end in zip(headings, bounds, bounds[1:], strict=False):
        last = item_end(lines, start, end, signed=family(form) == "8-K")
        out += [ITEM_MARK + " ".join((each.key, *each.further)), *lines[start:last], ITEM_MARK, *lines[last:end]]
    return "\n".join(out)


def item_end(lines: list[str], start: int, end: int, *, signed: bool) -> int:
    """Where an item ends, at the latest at ``end``: before the heading of the next part, or where the filing is signed.

    Behind the signatures of a 10-K its financial statements may stand, which belong to its last item.
    """
    if signed:
        end = next((number for number in range(start + 1, end) if END.fullmatch(lines[number])), end)
    while end > start + 1 and (not lines[end - 1] or PART_HEADING.fullmatch(lines[end - 1])):
        end -= 1
    return end


def itemised(marked: str) -> tuple[str, tuple[FilingItem, ...]]:
    """(the text without marks, its items) of what ``divided`` marked."""
    whole, *pieces = marked.split(ITEM_MARK)
    items: list[FilingItem] = []
    for piece in pieces:
        keys, _, text = piece.partition("\n")
        whole += text
        if keys:
            key, *further = keys.split(" ")
            items.append(FilingItem(key, text.strip(), tuple(further)))
    return whole.strip(), tuple(items)


def with_titles(lines: list[str]) -> list[str]:
    """The lines, with an item's title put behind its number where it stands on the next line."""
    out: list[str] = []
    for line in lines:
        last = next((n for n in range(len(out) - 1, max(-1, len(out) - 3), -1) if out[n]), None)
        if line and last is not None and untitled(out[last]) and titles(line):
            del out[last + 1 :]
            out[last] = f"{out[last].rstrip(' |')} {line}"
            continue
        out.append(line)
    return out


def untitled(line: str) -> bool:
    """Whether a line is the number of an item and no more."""
    match = HEADING.fullmatch(line) if len(line) < TITLE else None
    return match is not None and not match["title"] and not match["more"]


def titles(line: str) -> bool:
    """Whether a line may be the title of an item."""
    return len(line) <= TITLE and HEADING.match(line) is None and PART_HEADING.fullmatch(line) is None


def candidates(lines: list[str], form: str, linked: Mapping[int, Sequence[str]]) -> list[Candidate]:
    """Every line that looks like the heading of an item of this form."""
    current, at = "", 0
    out: list[Candidate] = []
    for number, line in enumerate(lines if family(form) else ()):
        if line:
            worded = heading(line, form)
            current = (worded.part if worded else part_of(line)) or current
            here = [worded] if worded else unworded(line, form, linked.get(number, ()))
            for item in here:
                for key, part in spelled(form, item):
                    weight = item.weight + PARTED * (bool(part) and part == current)
                    further = tuple(name for name in item.further if family(form) != "10-Q")
                    out.append(
                        Candidate(number, at, len(line), key, order(key), item.name, weight, item is worded, further)
                    )
        at += len(line) + 1
    return below_cover(lines, out) if family(form) == "8-K" else out


def unworded(line: str, form: str, links: Sequence[str]) -> list[Heading]:
    """What a line without the word may head: the item whose title it is, else those by which links lead to it."""
    if (key := titled(line, form)) is not None:
        part, _, name = key.rpartition("-")
        return [Heading.named(name, weight=TITLED, part=part)]
    return [Heading.named(name, weight=LINKED) for name in links if part_of(line) is None]


def spelled(form: str, item: Heading) -> list[tuple[str, str]]:
    """(key, its part) of each item that a form may mean by a heading: one, or in a 10-Q one of each part."""
    kind = family(form)
    if kind == "8-K":
        return [(f"{item.number}{item.dot}", "")] if item.dot or 1 <= item.number <= 12 else []
    if item.dot:
        return []
    if kind == "10-Q":
        parts = [part for part, most in QUARTERLY.items() if 1 <= item.number <= most and part == (item.part or part)]
        return [(f"{part}-{item.name}", part) for part in parts]
    return [(item.name, "")] if 1 <= item.number <= 19 else []


def order(key: str) -> tuple[int, int, str]:
    """A key's place in its form."""
    part, _, name = key.rpartition("-")
    match = KEY.fullmatch(name)
    return (len(part), int(match[1]), match[2]) if match else (len(part), 0, name)


def below_cover(lines: list[str], candidates: list[Candidate]) -> list[Candidate]:
    """The candidates of a current report, where any has the word without those that have the title alone, and
    without what stands above the end of its first page, such as a list of its items. Since 2004 items have a dot.
    """
    if any(each.sure for each in candidates):
        candidates = [each for each in candidates if each.sure]
    if any("." in each.key for each in candidates):  # a number without a dot is of another form then
        candidates = [each for each in candidates if "." in each.key]
    first = max((number for number, line in enumerate(lines[:200]) if COVER.search(line)), default=-1)
    below = [each for each in candidates if each.line > first]
    return below or candidates
