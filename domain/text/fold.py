"""The one form in which texts are compared: spaces, dashes, width, digits and invisible characters made plain.

Masks, protected texts and the keys of duplicates are sought in it; each folded character tells where it came from.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5

import numpy as np

from domain.text.characters import (
    DROP,
    HAS_MARK,
    JOINED_SCRIPTS,
    JOINER,
    KEEP,
    MOST_MARKS,
    ONE,
    PLANES,
    SEPARATOR,
    SEVERAL,
    TAGS,
    code_points,
    fold_tables,
    mark_table,
    plain,
    text_of,
)
from domain.text.words import Split

ENTITY = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});")
LONGEST_ENTITY, TAIL = 34, 256  # characters
# A word divided at the end of a line. Its second part goes on in small letters, or all is in capitals: "Smith-" and
# "Jones" stay two.
DIVIDED = re.compile(r"-(?<=[^\W\d_]-)[ \t\r]*\n[ \t]*(?=[^\W\d_])")
SOFT_HYPHEN, LONG_DASHES = (0xAD, 0xAD), (0x2012, 0x2015)  # first and last code point
DIVIDED_SOFTLY = re.compile(r"\u00ad(?<=[^\W\d_]\u00ad)(?=[ \t\r]*\n[ \t]*[^\W\d_])")
LONG_DASH_AT_END = re.compile(r"[\u2012-\u2015](?=[ \t\r]*(?:\n|\Z))")


@dataclass(frozen=True, eq=False)
class Folded:
    """A folded text. ``spans``: int64 [characters] twice, where in the original each character begins and ends; None
    where all stand at their own places. ``same_words``: whether ``Split`` finds the same words in the original.
    """

    text: str
    spans: tuple[np.ndarray, np.ndarray] | None = None
    same_words: bool = True

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]``, at least one character, stands in the original."""
        return (start, end) if self.spans is None else (int(self.spans[0][start]), int(self.spans[1][end - 1]))


def fold(text: str) -> Folded:
    """The text as it is compared; folding again changes nothing. Takes time linear in its length, whatever it holds.

    Spaces of all kinds become U+0020, dashes "-", quotes ' and ", decimal digits of all scripts 0 to 9, compatibility
    forms (full width, mathematical letters, ligatures) their plain characters by NFKC; invisible characters go, joiners
    only outside the scripts that need them; HTML entities are resolved and words divided at a line's end joined. Case,
    raised and lowered digits and fractions stay. ASCII text without entities and divided words costs next to nothing.
    """
    folded, marked = (Folded(text), False) if text.isascii() else characters_folded(text)
    if "&" in folded.text and ENTITY.search(folded.text):
        folded, marked = entities_resolved(folded), True
    return words_joined(composed(folded) if marked and not folded.text.isascii() else folded)


def fold_words(words: Split) -> Split:
    """The words of the folded texts; texts whose words stay as they are keep their text and places, too."""
    folded = [fold(text) for text in words.texts]
    changed = [i for i, each in enumerate(folded) if not each.same_words]
    if not changed:
        return words
    parts = list(words)
    for i, part in zip(changed, Split([folded[i].text for i in changed]), strict=True):
        parts[i] = part
    return Split.of(parts)


def characters_folded(text: str) -> tuple[Folded, bool]:
    """Each character by its table, what depends on its neighbours by them; and whether there are marks to compose."""
    tables, ones, several = fold_tables()
    codes = code_points(text)
    places = np.flatnonzero(codes >= 0x80)
    letters = codes[places]
    within = np.minimum(letters, PLANES)
    kinds = tables[within]
    marked = bool(kinds.max(initial=0) >= HAS_MARK)
    kinds &= HAS_MARK - 1
    kinds[(letters >= TAGS[0]) & (letters < TAGS[1])] = DROP
    if not kinds.any():
        return Folded(text), marked
    joiners = np.flatnonzero(kinds == JOINER)
    if len(joiners):
        kinds[joiners] = DROP
        before = codes[places[joiners] - 1] * (places[joiners] > 0)
        kinds[joiners[np.searchsorted(joined_bounds(), before, side="right") % 2 == 1]] = KEEP
    for pattern, low, high, kind in ((DIVIDED_SOFTLY, *SOFT_HYPHEN, SEPARATOR), (LONG_DASH_AT_END, *LONG_DASHES, KEEP)):
        for dash in np.flatnonzero((letters >= low) & (letters <= high)).tolist():
            if pattern.match(text, int(places[dash])):
                kinds[dash] = kind
    replaced = codes.copy()
    single = np.flatnonzero((kinds == SEPARATOR) | (kinds == ONE))
    replaced[places[single]] = ones[within[single]]
    same_words = bool(kinds.max() <= SEPARATOR)
    if kinds.max() < DROP:
        return Folded(text_of(replaced), None, same_words), marked
    counts = np.ones(len(codes), np.int64)
    counts[places[kinds == DROP]] = 0
    expanded = np.flatnonzero(kinds == SEVERAL)
    new = [several[code] for code in letters[expanded].tolist()]
    counts[places[expanded]] = [len(each) for each in new]
    starts = np.repeat(np.arange(len(codes)), counts)
    result = replaced[starts]
    if new:
        ends = np.cumsum(counts)
        sizes = counts[places[expanded]]
        at = np.repeat(ends[places[expanded]] - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        result[at] = code_points("".join(new))
    return Folded(text_of(result), (starts, starts + 1), same_words), marked


@lru_cache(maxsize=1)
def joined_bounds() -> np.ndarray:
    """uint32, ascending: where the scripts that need joiners begin and end, in turn."""
    pairs = re.findall("(.)-(.)", JOINED_SCRIPTS)
    return np.array([code for low, high in pairs for code in (ord(low), ord(high) + 1)], np.uint32)


def spans_of(folded: Folded) -> tuple[np.ndarray, np.ndarray]:
    """Where each character stands in the original."""
    places = np.arange(len(folded.text))
    return folded.spans or (places, places + 1)


def entities_resolved(folded: Folded) -> Folded:
    """With each HTML entity as what it stands for, also where that completes another one: ``&amp;shy;``."""
    text = folded.text
    runs = list[Run]()
    done, tail = 0, ""
    while done < len(text):
        stop = text.find(";", done) + 1 or len(text)
        runs.append(Run(text[done:stop], done, stop))
        tail = (tail + text[max(done, stop - TAIL) : stop])[-TAIL:]
        done = stop
        while tail.endswith(";") and (name := tail[max(0, tail.rfind("&", -LONGEST_ENTITY)) :])[0] == "&":
            resolved = entity(name, text, done)
            if resolved is None:
                break
            begin = cut_short(runs, len(name))
            runs.append(Run(resolved, begin, done))
            tail = tail[: -len(name)] + resolved
            if len(tail) < LONGEST_ENTITY:
                tail = end_of(runs)
    if all(len(run.text) == run.end - run.begin for run in runs):
        return folded
    starts, stops = spans_of(folded)
    firsts, lasts = zip(*(run.places() for run in runs), strict=True)
    new = "".join(run.text for run in runs)
    return Folded(new, (starts[np.concatenate(firsts)], stops[np.concatenate(lasts)]), False)


@dataclass
class Run:
    """Characters for ``[begin, end)``: one for each, or all for all of it."""

    text: str
    begin: int
    end: int

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last place for which each character stands."""
        if len(self.text) == self.end - self.begin:
            return (np.arange(self.begin, self.end),) * 2
        return np.full(len(self.text), self.begin), np.full(len(self.text), self.end - 1)


def end_of(runs: list[Run]) -> str:
    """The last characters of the runs, ``TAIL`` at most."""
    tail = ""
    for run in reversed(runs):
        tail = run.text[-TAIL:] + tail
        if len(tail) >= TAIL:
            break
    return tail[-TAIL:]


def cut_short(runs: list[Run], size: int) -> int:
    """Take ``size`` characters off the end of the runs; returns where the first of them came from."""
    begin = runs[-1].end
    while size:
        run = runs.pop()
        left = len(run.text) - size
        if left > 0 and len(run.text) == run.end - run.begin:
            begin = run.begin + left
            runs.append(Run(run.text[:left], run.begin, begin))
        else:
            begin = run.begin
            if left > 0:
                runs.append(Run(run.text[:left], run.begin, run.end))
        size = max(0, -left)
    return begin


def entity(name: str, text: str, behind: int) -> str | None:
    """What an entity such as ``&shy;`` stands for, folded, before ``text[behind:]``; None if it is none."""
    if ENTITY.fullmatch(name) is None or (name[1] != "#" and name[1:] not in html5):
        return None
    resolved = html.unescape(name)
    if resolved == "\u00ad" and re.compile(r"[ \t\r]*\n").match(text, behind):
        return "-"
    return "".join(map(plain, resolved))


def composed(folded: Folded) -> Folded:
    """In the form NFC, letter by letter, but for letters with more than ``MOST_MARKS``."""
    text = folded.text
    marks = np.flatnonzero(mark_table()[np.minimum(code_points(text), PLANES)])
    if not len(marks):
        return folded
    breaks = np.flatnonzero(np.diff(marks) > 1)
    begins = marks[np.concatenate(([0], breaks + 1))]
    ends = marks[np.concatenate((breaks, [len(marks) - 1]))] + 1
    short = ends - begins <= MOST_MARKS
    if short.all() and unicodedata.is_normalized("NFC", text):
        return folded
    edits = []
    for begin, end in zip(np.maximum(begins[short] - 1, 0).tolist(), ends[short].tolist(), strict=True):
        normal = unicodedata.normalize("NFC", text[begin:end])
        if normal != text[begin:end]:
            edits.append((begin, end, normal))
    return edited(folded, edits)


def words_joined(folded: Folded) -> Folded:
    """With the parts of words that a line's end divides put together."""
    text = folded.text
    edits = []
    for divided in DIVIDED.finditer(text):
        before, behind = text[divided.start() - 1], text[divided.end()]
        if behind.upper() != behind or before.lower() != before:
            edits.append((divided.start(), divided.end(), ""))
    return edited(folded, edits)


def edited(folded: Folded, edits: list[tuple[int, int, str]]) -> Folded:
    """With each ``text[begin:end]`` replaced; edits are apart from each other and ascend."""
    if not edits:
        return folded
    starts, stops = spans_of(folded)
    stops, counts = stops.copy(), np.ones(len(folded.text), np.int64)
    pieces, done = [], 0
    for begin, end, new in edits:
        counts[begin:end] = 0
        counts[begin] = len(new)
        stops[begin] = stops[end - 1]
        pieces += [folded.text[done:begin], new]
        done = end
    pieces.append(folded.text[done:])
    return Folded("".join(pieces), (np.repeat(starts, counts), np.repeat(stops, counts)), False)
