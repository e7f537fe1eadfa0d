"""Finds what has one of the forms in a text, looking only where digits or marks lie close enough together."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Spans = list[tuple[int, int]]
BETWEEN = "\n\x00\n"  # no form and no word before one reaches across it
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

    def marks(self, marks: Sequence[str], after: int) -> Spans:
        """From each of the ``marks`` (fixed strings) to ``after`` characters behind it."""
        matches = []
        for mark in marks:
            at = self.text.find(mark)
            while at >= 0:
                matches.append(at)
                at = self.text.find(mark, at + len(mark))
        return around(np.array(sorted(matches), dtype=np.int64), REACH, after, len(self.text), margin=0)


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
    """``find`` in each of many texts, which are searched as one: a short text costs no more than its length."""
    joined = Places(BETWEEN.join(texts))
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
    for text in texts:
        last = bisect_left(begins, shift + len(text) + 1, first)
        answers.append([Find(each.start - shift, each.end - shift, each.kind) for each in finds[first:last]])
        first, shift = last, shift + len(text) + len(BETWEEN)
    return answers


def masked(text: str, finds: Sequence[Find]) -> tuple[str, dict[str, int]]:
    """The text with a placeholder such as <EMAIL> for each find, and how many of each kind there are."""
    parts, done = [], 0
    for each in finds:
        parts += [text[done : each.start], f"<{each.kind.upper()}>"]
        done = each.end
    return "".join([*parts, text[done:]]), dict(Counter(each.kind for each in finds))
