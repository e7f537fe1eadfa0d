"""Continue BPE training: merge the most frequent pair of pieces in counted words, again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np

LEAST = 2  # a pair that occurs once says nothing about the next text
BITS = 32  # a pair is one integer: its left symbol above, its right below
RIGHT = (1 << BITS) - 1
WALL = -0x110000  # a symbol that joins nothing


@dataclass
class Learned:
    """What was learned; the symbols from ``first`` on are new, in the order in which they were made."""

    first: int
    texts: list[str] = field(default_factory=list)  # of the new symbols
    parts: list[tuple[int, ...]] = field(default_factory=list)  # left and right, or none: a character of its own


def learn(
    words: list[list[int]],
    counts: Sequence[int],
    symbols: Sequence[str],
    wanted: int,
    joins: Callable[[str, str], bool],
) -> Learned:
    """Make ``wanted`` new symbols, or as many as there are pairs that occur twice (arXiv 1508.07909, section 3.2).

    words: each as its symbols; left as the merges leave them. counts: of each word. ``symbols[i]`` is the text of
    symbol i; a new symbol's text is always a new one. A negative symbol joins nothing; where it is ``-ord(c)``, the
    tokenizer spells the character c byte by byte, and c is a candidate too: it saves all its bytes but one.
    joins: whether two texts may be one. Ties go to the pair with the lower left, then right symbol: equal input
    gives equal output.
    """
    learned = Learned(len(symbols))
    pairs = Pairs(words, counts)
    texts = list(symbols)
    taken = set(symbols)
    for code in pairs.best():
        if len(learned.texts) >= wanted:
            break
        left, right = code >> BITS, code & RIGHT
        text = chr(-code) if code < 0 else texts[left] + texts[right]
        if text in taken or not (code < 0 or joins(texts[left], texts[right])):
            continue
        pairs.merge(code, len(texts))
        taken.add(text)
        texts.append(text)
        learned.texts.append(text)
        learned.parts.append(() if code < 0 else (left, right))
    return learned


class Pairs:
    """The pairs of neighbours in counted words: how often each occurs, and where.

    Counts are kept up to date and an index leads from a pair to its words, so a merge costs its own words alone:
    2,000 merges over 100,000 words take a second, where counting anew each time would take an hour.
    """

    def __init__(self, words: list[list[int]], counts: Sequence[int]) -> None:
        self.words, self.times = words, counts
        flat = np.fromiter((symbol for word in words for symbol in word), np.int64)
        owner = np.repeat(np.arange(len(words)), np.fromiter(map(len, words), np.int64, len(words)))
        beside = (owner[:-1] == owner[1:]) & (flat[:-1] >= 0) & (flat[1:] >= 0)
        codes = ((flat[:-1] << BITS) | flat[1:])[beside]
        order = np.argsort(codes, kind="stable")
        unique, starts = np.unique(codes[order], return_index=True)
        self.holders = owner[:-1][beside][order]
        weights = np.asarray(counts, np.int64)[self.holders]
        totals = np.add.reduceat(weights, starts) if len(starts) else starts
        ends = np.append(starts, len(codes))[1:]
        self.count = defaultdict(int, zip(unique.tolist(), totals.tolist(), strict=True))
        self.spans = dict(zip(unique.tolist(), zip(starts.tolist(), ends.tolist(), strict=True), strict=True))
        self.later: defaultdict[int, list[int]] = defaultdict(list)  # the words that came to a pair by merges
        for at in np.flatnonzero((flat < 0) & (flat > WALL)).tolist():
            character, number = int(flat[at]), int(owner[at])
            self.count[character] += saved(character) * counts[number]
            self.later[character].append(number)
        self.heap = [(-count, code) for code, count in self.count.items() if count >= LEAST]
        heapify(self.heap)

    def best(self) -> Iterator[int]:
        """Pairs and characters, each once, the one that saves most at that time first."""
        done = set()
        while self.heap:
            negative, code = heappop(self.heap)
            count = self.count[code]
            if code in done:
                continue
            if count == -negative:
                done.add(code)
                yield code
            elif count >= LEAST:  # it was more when it was pushed
                heappush(self.heap, (-count, code))

    def merge(self, code: int, new: int) -> None:
        """Put the symbol ``new`` wherever the pair or character stands."""
        left, right = code >> BITS, code & RIGHT
        start, end = self.spans.get(code, (0, 0))
        changes: defaultdict[int, int] = defaultdict(int)
        for number in {*self.holders[start:end].tolist(), *self.later.pop(code, ())}:
            word, times = self.words[number], self.times[number]
            merged = (
                [new if symbol == code else symbol for symbol in word] if code < 0 else joined(word, left, right, new)
            )
            if merged == word:  # another merge took the pair apart
                continue
            before, after = candidates(word), candidates(merged)
            for each in before:
                changes[each] -= times
            for each in after:
                changes[each] += times
                if each not in before:
                    self.later[each].append(number)
            self.words[number] = merged
        for each, change in changes.items():
            self.count[each] += change if each >= 0 else change * saved(each)
            if change > 0 and self.count[each] >= LEAST:
                heappush(self.heap, (-self.count[each], each))


def candidates(word: list[int]) -> list[int]:
    """The pairs and characters of a word, as often as they stand in it."""
    pairs = [left << BITS | right for left, right in pairwise(word) if left >= 0 and right >= 0]
    return pairs + [symbol for symbol in word if WALL < symbol < 0]


def saved(character: int) -> int:
    """Tokens that a piece for this character saves each time."""
    return len(chr(-character).encode()) - 1


def joined(word: list[int], left: int, right: int, new: int) -> list[int]:
    """The word with each ``left right``, from its start on, replaced."""
    out, at, last = [], 0, len(word) - 1
    while at <= last:
        if word[at] == left and at < last and word[at + 1] == right:
            out.append(new)
            at += 2
        else:
            out.append(word[at])
            at += 1
    return out
