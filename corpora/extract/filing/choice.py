"""Chooses among the lines that may be headings of items: of several, the one with most text behind it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

ENOUGH = 2_000  # characters behind a heading above which more of them speak no louder for it
LISTED = 60  # characters between two headings of which the first is an entry of a list, its page number included
# The same of an annual report, which has items such as "None."; how many of them, and one behind, make a list.
ENTRY, RUN = 12, 3


@dataclass(frozen=True)
class Candidate:
    """A line that may be an item's heading. ``at`` and ``length`` count characters, ``order`` sorts a form's keys,
    ``item`` is its number, which two parts of a form may have; ``weight`` is how much the line alone speaks for it, in
    characters of text, and ``sure`` whether it has the word.
    """

    line: int
    at: int
    length: int
    key: str
    order: tuple[int, int, str]
    item: str
    weight: int
    sure: bool = True
    further: tuple[str, ...] = ()


def behind(candidates: list[Candidate], end: int, closings: tuple[int, ...] = ()) -> list[int]:
    """Characters from each candidate to the next one of another item or closing, at most ``ENOUGH``."""
    out = [0] * len(candidates)
    following, after = end, end
    for number in range(len(candidates) - 1, -1, -1):
        here = candidates[number]
        if number + 1 < len(candidates) and candidates[number + 1].item != here.item:
            following = after
        closing = next((at for at in closings if at > here.at), end)
        out[number] = min(min(following, closing) - here.at, ENOUGH)
        after = here.at
    return out


def own_text(candidates: list[Candidate], end: int, closings: tuple[int, ...] = ()) -> list[int]:
    """Characters between each heading and whatever comes next, be it the same heading again."""
    stops = sorted({*(each.at for each in candidates), *closings, end})
    return [stops[bisect_right(stops, each.at)] - each.at - each.length for each in candidates]


def fullest(candidates: list[Candidate], end: int, closings: tuple[int, ...]) -> list[Candidate]:
    """Each item once, where it has most text, in the order in which they stand: a form may have them in any.

    ``closings`` are where signatures begin, in characters. An entry of a list is passed over where the item stands
    elsewhere too.
    """
    best: dict[str, tuple[bool, int, Candidate]] = {}
    texts, own = behind(candidates, end, closings), own_text(candidates, end, closings)
    for each, text, alone in zip(candidates, texts, own, strict=True):
        score = (alone > LISTED, text)
        if each.key not in best or score > best[each.key][:2]:
            best[each.key] = (*score, each)
    return sorted((each for _, _, each in best.values()), key=lambda each: each.line)


def ordered(candidates: list[Candidate], end: int) -> list[Candidate]:
    """The items in a form's order: by their word, and where that leaves one out, or only lists it, by link or title."""
    worded = [each for each in candidates if each.sure]
    first = chain(worded, end)
    entries: list[Candidate] = []  # of a list, the last one included, which may have anything behind it
    run: list[Candidate] = []
    for each, alone in zip(first, own_text(first, end), strict=True):
        run.append(each)
        if alone > ENTRY:
            entries += run if len(run) > RUN else []
            run = []
    entries += run if len(run) > RUN else []
    settled = {each.key for each in first} - {each.key for each in entries}
    others = [each for each in candidates if not each.sure and each.key not in settled]
    if not others:
        return first
    listed = [replace(each, weight=0) if each in entries else each for each in worded]
    out = chain(sorted([*listed, *others], key=lambda each: each.line), end)
    return out if first or len(out) >= RUN else []  # one title is a chance find


def chain(candidates: list[Candidate], end: int) -> list[Candidate]:
    """The items in a form's order, each once.

    A reference to an item, or a table of contents, stands out of order or has no text behind it. So of all chains
    in order the one is taken with the most items and, up to ``ENOUGH`` characters each, the most text behind them.
    """
    texts = behind(candidates, end)
    best: list[tuple[int, int | None]] = []
    for number, each in enumerate(candidates):
        before = [
            (best[n][0], -n)
            for n in range(number)
            if candidates[n].order < each.order and candidates[n].line < each.line
        ]
        score, last = max(before, default=(0, None))
        best.append((score + each.weight + texts[number], None if last is None else -last))
    out: list[Candidate] = []
    at: int | None = max(range(len(candidates)), key=lambda n: (best[n][0], -n)) if candidates else None
    while at is not None:
        out.append(candidates[at])
        at = best[at][1]
    return out[::-1]
