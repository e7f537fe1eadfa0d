"""A filing's lines, divided into the items that its form prescribes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

# "Item 1A. Risk Factors", "PART II, ITEM 7", "Items 1 and 2. Business and Properties", "Item 5.02 Departure ..."
HEADING = re.compile(
    r"(?:part\s+(?P<part>i{1,3}|iv)\b[\s,.:;–—-]*)?items?\s*(?P<number>\d{1,2})(?P<dot>\.\d\d\b)?\s?(?P<letter>[a-k]\b|(?-i:\([A-C]\)))?"
    r"(?P<more>\s*(?:and|&|,|through|[-–—])\s*(?:item\s*)?\d{1,2}[a-k]?\b)?\s*(?P<stop>[.:|–—-]*)\s*(?P<title>.*)", re.I
)  # fmt: skip
PART_HEADING = re.compile(r"part\s+(i{1,3}|iv)\b(?:[\s.,:;|–—-]+.{0,60})?", re.I)
ITEM_MARK = "\x1e"  # a line that begins with it begins an item, whose key follows, or ends one; no text can hold it
PARAGRAPH = re.compile(r"\([a-z0-9]\)")
END = re.compile(r"signatures?", re.I)
TITLE = 200  # characters that a heading without a stop behind its number may have
ENOUGH = 2_000  # characters behind a heading above which more of them speak no louder for it
QUARTERLY = {"I": 4, "II": 8}  # the highest item of each part of a 10-Q, old forms included


@dataclass(frozen=True)
class FilingItem:
    """``key`` is ``1A`` (10-K, 20-F), ``II-1A`` (10-Q) or ``5.02`` (8-K); ``text`` begins with its heading."""

    key: str
    text: str


@dataclass(frozen=True)
class Candidate:
    """A line that may be an item's heading. ``at`` counts characters, ``order`` sorts a form's keys; ``told`` is
    whether the part that it is taken for is the last one whose heading stood before it.
    """

    line: int
    at: int
    key: str
    order: tuple[int, int, str]
    by_heading: bool = False


def divided(lines: list[str], form: str) -> str:
    """The lines as text, marked where an item begins or ends. A form without items, or headings, gives no marks."""
    lines = with_titles(lines)
    headings = chosen(candidates(lines, form), sum(len(line) + 1 for line in lines), ordered=not form.startswith("8-K"))
    bounds = [*(each.line for each in headings), len(lines)]
    out = lines[: bounds[0]]
    for each, start, end in zip(headings, bounds, bounds[1:], strict=False):
        last = item_end(lines, start, end, signed=form.startswith("8-K"))
        out += [ITEM_MARK + each.key, *lines[start:last], ITEM_MARK, *lines[last:end]]
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
        key, _, text = piece.partition("\n")
        whole += text
        if key:
            items.append(FilingItem(key, text.strip()))
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
    match = HEADING.fullmatch(line)
    return match is not None and not match["title"] and not match["more"]


def titles(line: str) -> bool:
    """Whether a line may be the title of an item."""
    return len(line) <= TITLE and HEADING.match(line) is None and PART_HEADING.fullmatch(line) is None


def candidates(lines: list[str], form: str) -> list[Candidate]:
    """Every line that looks like the heading of an item of this form."""
    current, quarterly, dotted = "", form.startswith("10-Q"), form.startswith("8-K")
    annual = form.startswith(("10-K", "20-F"))
    if not (quarterly or dotted or annual):
        return []
    out: list[Candidate] = []
    at = 0
    for number, line in enumerate(lines):
        if PART_HEADING.fullmatch(line):
            current = line.split()[1].strip(".,:;|-–—").upper()
        elif (match := HEADING.fullmatch(line)) and heading(match, lettered=dotted):
            current = (match["part"] or current).upper()
            item, letter = int(match["number"]), (match["letter"] or "").strip("()").upper()
            if dotted and (match["dot"] or item <= 12):
                out.append(Candidate(number, at, f"{item}{match['dot'] or ''}", (0, item, match["dot"] or "")))
            elif annual and not match["dot"] and 1 <= item <= 19:
                out.append(Candidate(number, at, f"{item}{letter}", (0, item, letter)))
            elif quarterly and not match["dot"]:
                out.extend(
                    Candidate(number, at, f"{part}-{item}{letter}", (len(part), item, letter), part == current)
                    for part in QUARTERLY if 1 <= item <= QUARTERLY[part] and part == (match["part"] or part).upper()
                )  # fmt: skip
        at += len(line) + 1
    return out


def heading(match: re.Match[str], *, lettered: bool) -> bool:
    """Whether it reads as a heading: "Item 7 of our report" and "Item 7 (continued)" do not.

    "Item 14(d)" is a paragraph of an item, unless items are ``lettered``: an 8-K may have "Item 7(c). Exhibits".
    """
    title = match["title"]
    if not title:
        return True
    if PARAGRAPH.match(title) and not lettered:
        return False
    if "continued" in title[-14:].lower() or title[0] in ",;)" or (title[0].islower() and not match["stop"]):
        return False
    return bool(match["stop"] or match["dot"]) or len(title) <= TITLE


def chosen(candidates: list[Candidate], end: int, *, ordered: bool) -> list[Candidate]:
    """The headings of the items among the candidates: in a form's order, each once.

    A reference to an item, or a table of contents, stands out of order or has no text behind it. So of all chains
    in order the one is taken with the most items and, up to ``ENOUGH`` characters each, the most text behind them.
    """
    if not ordered:
        dotted = any(
            "." in each.key for each in candidates
        )  # since 2004; a number without a dot is of another form then
        first = {each.key: each for each in reversed(candidates) if "." in each.key or not dotted}
        return sorted(first.values(), key=lambda each: each.line)
    lines = sorted({each.at for each in candidates} | {end})
    after = dict(pairwise(lines))
    best: list[tuple[int, int | None]] = []
    for number, each in enumerate(candidates):
        before = [
            (best[n][0], -n)
            for n in range(number)
            if candidates[n].order < each.order and candidates[n].line < each.line
        ]
        score, last = max(before, default=(0, None))
        best.append(
            (
                score + 1_000 + min(after[each.at] - each.at, ENOUGH) + 100 * each.by_heading,
                None if last is None else -last,
            )
        )
    chain: list[Candidate] = []
    at: int | None = max(range(len(candidates)), key=lambda n: (best[n][0], -n)) if candidates else None
    while at is not None:
        chain.append(candidates[at])
        at = best[at][1]
    return chain[::-1]
