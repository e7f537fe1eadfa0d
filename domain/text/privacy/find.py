"""Finds what has one of the forms in a text, looking only where digits or marks lie close enough together."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from domain.text.fold import Folded, fold

Spans = list[tuple[int, int]]
BETWEEN = "\n\x00\n"  # no form and no word before one reaches across it
FEW = 4  # marks, which are sought one after the other
REACH = 72  # characters around a dense place: longer than any form that is sought there


@dataclass(frozen=True)
class Find:
    """``text[start:end]`` is of this kind."""

    start: int
    end: int
    kind: str


class Places:
    """Where in a text a form can stand at all: a pattern is tried on these stretches and nowhere else."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def codes(self) -> np.ndarray:
        """The characters as numbers; uint8 or uint32 [characters]."""
        if self.text.isascii():
            return np.frombuffer(self.text.encode("ascii"), np.uint8)
        return np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), "<u4")

    @cached_property
    def digits(self) -> Spans:
        """Around 6 digits within 12 characters, as numbers of persons, cards, accounts and phones have them.

        A comma between digits is none of theirs: 1,250,000 does not count, and in "31, 2010" it outweighs 3 digits.
        """
        near = 12
        if len(self.text) < near:
            return [(0, len(self.text))]
        digit = (self.codes >= 48) & (self.codes <= 57)
        weights = digit.astype(np.int32)
        commas = np.flatnonzero(self.codes == ord(","))
        commas = commas[(commas > 0) & (commas < len(digit) - 2)]
        commas = commas[digit[commas - 1]]
        weights[commas[digit[commas + 1]]] = -near
        weights[commas[(self.codes[commas + 1] == ord(" ")) & digit[commas + 2]]] = -3
        counts = np.zeros(len(weights) + 1, dtype=np.int32)
        np.cumsum(weights, out=counts[1:])
        return around(np.flatnonzero(counts[near:] - counts[:-near] >= 6), 0, near, len(self.text))

    @cached_property
    def dots(self) -> Spans:
        """Around 3 full stops within 9 characters, as in an IPv4 address."""
        at = np.flatnonzero(self.codes == ord(".")) if self.text.count(".") > 2 else np.empty(0, np.int64)
        return around(at[:-2][at[2:] - at[:-2] <= 8], 0, 9, len(self.text))

    @cached_property
    def colons(self) -> Spans:
        """Around 2 colons within 6 characters, as in an IPv6 address."""
        at = np.flatnonzero(self.codes == ord(":")) if self.text.count(":") > 1 else np.empty(0, np.int64)
        return around(at[:-1][np.diff(at) <= 5], 0, 6, len(self.text))

    @cached_property
    def trigrams(self) -> np.ndarray:
        """Three characters from each place on as one number of 21 bits; uint32 [characters - 2]."""
        letters = np.minimum(self.codes, 127).astype(np.uint32)
        trigrams: np.ndarray = letters[:-2] << 14 | letters[1:-1] << 7 | letters[2:]
        return trigrams

    def marks(self, marks: tuple[str, ...], after: int) -> Spans:
        """From each of the ``marks`` (fixed strings of ASCII) to ``after`` characters behind it.

        Many, of three characters and more, are sought at once.
        """
        matches: list[int] = []
        if len(marks) > FEW:
            likely = np.flatnonzero(trigram_table(marks)[self.trigrams])
            matches = [at for at in likely.tolist() if self.text.startswith(marks, at)]
        for mark in marks if len(marks) <= FEW else ():
            at = self.text.find(mark)
            while at >= 0:
                matches.append(at)
                at = self.text.find(mark, at + len(mark))
        return around(np.array(sorted(matches), dtype=np.int64), REACH, after, len(self.text), margin=0)


@lru_cache(maxsize=16)
def trigram_table(marks: tuple[str, ...]) -> np.ndarray:
    """bool [2^21]: by which three characters one of the marks begins."""
    table = np.zeros(1 << 21, bool)
    table[[ord(mark[0]) << 14 | ord(mark[1]) << 7 | ord(mark[2]) for mark in marks]] = True
    return table


def around(at: np.ndarray, before: int, after: int, length: int, margin: int = REACH) -> Spans:
    """The stretches from ``before`` to ``after`` each place and a margin, those that touch joined."""
    if not len(at):
        return []
    apart = np.flatnonzero(np.diff(at) > before + after + 2 * margin)
    begins = np.maximum(0, at[np.concatenate(([0], apart + 1))] - before - margin)
    ends = np.minimum(length, at[np.concatenate((apart, [len(at) - 1]))] + after + margin)
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def all_of_it(match: re.Match[str]) -> int:
    """A form that needs no more than its pattern."""
    return match.end() - match.start()


@dataclass(frozen=True)
class Form:
    """``holds`` tells how many characters of a match are masked (0: none), since what stands behind a number is
    easily taken with it; it may look at what stands around it in ``match.string``.
    """

    kind: str
    pattern: re.Pattern[str]
    places: Callable[[Places], Spans]
    holds: Callable[[re.Match[str]], int] = all_of_it


def find(text: str, forms: Sequence[Form]) -> list[Find]:
    """All finds in order. Where two overlap, that of the earlier form stands."""
    return find_all([text], forms)[0]


def find_all(texts: Sequence[str], forms: Sequence[Form]) -> list[list[Find]]:
    """``find`` in each of many texts, which are searched as one: a short text costs no more than its length.

    Forms are sought in the folded text (``domain.text.fold``), so that no space, dash or width hides a number; finds
    are places of the text itself.
    """
    folded = [fold(text) for text in texts]
    joined = Places(BETWEEN.join([each.text for each in folded]))
    begins: list[int] = []
    finds: list[Find] = []
    for form in forms:
        for begin, end in form.places(joined):
            for match in form.pattern.finditer(joined.text, begin, end):
                length = form.holds(match)
                if not length:
                    continue
                start, stop = match.start(), match.start() + length
                at = bisect_left(begins, start)
                if (at and finds[at - 1].end > start) or (at < len(finds) and finds[at].start < stop):
                    continue
                begins.insert(at, start)
                finds.insert(at, Find(start, stop, form.kind))
    answers, first, shift = [], 0, 0
    for each in folded:
        last = bisect_left(begins, shift + len(each.text) + 1, first)
        answers.append(originals(each, shift, finds[first:last]))
        first, shift = last, shift + len(each.text) + len(BETWEEN)
    return answers


def originals(folded: Folded, shift: int, finds: Sequence[Find]) -> list[Find]:
    """The finds by their places in the original of a folded text, which begins at ``shift``."""
    answers: list[Find] = []
    for each in finds:
        start, end = folded.original(each.start - shift, each.end - shift)
        # What is one character of the text may be folded to several, of which two finds have a part.
        if not answers or answers[-1].end <= start:
            answers.append(Find(start, end, each.kind))
    return answers


def masked(text: str, finds: Sequence[Find]) -> tuple[str, dict[str, int]]:
    """The text with a placeholder such as <EMAIL> for each find, and how many of each kind there are."""
    parts, done = [], 0
    for each in finds:
        parts += [text[done : each.start], f"<{each.kind.upper()}>"]
        done = each.end
    return "".join([*parts, text[done:]]), dict(Counter(each.kind for each in finds))
