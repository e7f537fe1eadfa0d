"""N-grams that stand more than once in a text, each length found among the repeats of the one before."""

from __future__ import annotations

import numpy as np

from domain.text.words import HASH_MULTIPLIER, Split, mixed

SPARE = 2  # bits of a table's spots beyond those that number its n-grams


class Ngrams:
    """The n-grams of neighbouring texts of a split; begins at n = 1 and grows by ``lengthen``.

    A run of n words repeats only if its first n - 1 words do, so each length is sorted among the repeats of the one
    before: less and less. Two n-grams are taken for equal by 64 bits less those that number the places; with 2^16
    places the chance of one false pair is 2e-5.
    """

    def __init__(self, split: Split, here: slice, wanted: np.ndarray) -> None:
        """``wanted`` (bool [texts here]): the texts that are looked at."""
        first, last = int(split.offsets[here.start]), int(split.offsets[here.stop])
        self.offsets = split.offsets[here.start : here.stop + 1] - first
        self.words = split.hashes[first:last]
        counts = np.diff(self.offsets)
        self.text = np.repeat(np.arange(len(counts)), counts)
        self.reach = np.zeros(last - first + 1, dtype=np.int64)  # characters of all words before a place
        np.cumsum(split.ends[first:last] - split.starts[first:last], out=self.reach[1:])
        self.n = 1
        self.places = np.arange(last - first)
        self.keys = self.words ^ mixed(np.arange(len(counts), dtype=np.uint64))[self.text]
        self.only(wanted)

    def only(self, wanted: np.ndarray) -> None:
        """Look at these texts alone from now on."""
        if not wanted.all():
            stay = wanted[self.text[self.places]]
            self.places, self.keys = self.places[stay], self.keys[stay]

    def lengthen(self) -> None:
        """From n to n + 1: places and groups of those that stand more than once in their text."""
        self.n += 1
        inside = self.places + self.n <= self.offsets[self.text[self.places] + 1]
        places = self.places[inside]
        keys = self.keys[inside] * np.uint64(HASH_MULTIPLIER) + self.words[places + self.n - 1]
        # Most stand once, and alone at a spot of a table: what is left takes half the time to sort.
        spots = (keys >> np.uint64(64 - SPARE - len(places).bit_length())).astype(np.int64)
        shared = np.flatnonzero((np.bincount(spots) > 1)[spots])
        places, keys = places[shared], keys[shared]
        low = np.uint64((1 << len(places).bit_length()) - 1)
        ordered = (keys & ~low) | np.arange(len(places), dtype=np.uint64)
        ordered.sort()  # by n-gram, and by place within one
        high = ordered & ~low
        same = high[1:] == high[:-1]
        twice = np.zeros(len(places), dtype=bool)
        twice[1:] = same
        twice[:-1] |= same
        chosen = (ordered[twice] & low).astype(np.int64)
        self.first = np.ones(len(chosen), dtype=bool)  # sorted: whether an n-gram stands here for the first time
        self.first[1:] = high[twice][1:] != high[twice][:-1]
        self.sorted = places[chosen]
        order = np.sort(chosen)
        self.places, self.keys = places[order], keys[order]

    def top(self, unspaced: np.ndarray) -> np.ndarray:
        """int64 [texts]: characters of the commonest n-gram, of the first of them if several are, times its count.

        Spaces between its words count where words are ``unspaced`` (bool [texts]) not.
        """
        begins = np.flatnonzero(self.first)
        counts = np.diff(np.append(begins, len(self.first)))
        begin = self.sorted[begins]
        best = (np.int64(1) << 40) - self.offsets[:-1]  # without a repeat: the text's first n-gram, once
        np.maximum.at(best, self.text[begin], (counts << 40) - begin)
        counts = (best + (1 << 40) - 1) >> 40
        begin = (counts << 40) - best
        inside = begin + self.n <= self.offsets[1:]
        begin = np.where(inside, begin, 0)
        end = np.minimum(begin + self.n, len(self.words))
        lengths = self.reach[end] - self.reach[begin] + np.where(unspaced, 0, self.n - 1)
        return np.where(inside, counts * lengths, 0)

    def bound(self) -> np.ndarray:
        """int64 [texts]: characters in n-grams that stood before, overlaps and all. ``duplicates`` of this or any
        greater n is no more.
        """
        again = self.sorted[~self.first]
        change = np.zeros(len(self.words) + 1, dtype=np.int64)
        change[again] = 1
        change[again + self.n] -= 1
        running = np.zeros_like(change)
        np.cumsum(np.diff(self.reach) * (np.cumsum(change[:-1]) > 0), out=running[1:])
        return np.diff(running[self.offsets])

    def duplicates(self, text: int) -> int:
        """Characters in n-grams that stood before, read from left to right without overlaps."""
        low, high = np.searchsorted(self.places, self.offsets[text : text + 2])
        before: set[int] = set()
        free = total = 0
        for place, key in zip(self.places[low:high].tolist(), self.keys[low:high].tolist(), strict=True):
            if place < free:
                continue
            if key in before:
                free = place + self.n
                total += int(self.reach[free] - self.reach[place])
            else:
                before.add(key)
        return total
