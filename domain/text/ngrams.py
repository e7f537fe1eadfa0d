"""Hashes of runs of words, of many texts at once."""

from __future__ import annotations

import numpy as np

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, from the golden ratio: neighbours land far apart
BITS = 25  # of a hash: 32 million places, 4 MB, of which a million n-grams fill 3%


def ngram_hashes(hashes: np.ndarray, n: int) -> np.ndarray:
    """uint64 [words - n + 1]: a polynomial in the word hashes modulo 2^64; empty for fewer than n words."""
    count = len(hashes) - n + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    combined = hashes[:count].copy()
    for offset in range(1, n):
        combined *= MULTIPLIER
        combined += hashes[offset : offset + count]
    combined ^= combined >> np.uint64(29)
    return combined


def ngram_hashes_at(hashes: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    """uint64 [places]: the ``ngram_hashes`` that begin at these places (int64); each has n words to go."""
    combined: np.ndarray = hashes[places]
    for offset in range(1, n):
        combined *= MULTIPLIER
        combined += hashes[places + offset]
    combined ^= combined >> np.uint64(29)
    return combined


def ngrams_of(hashes: np.ndarray, offsets: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(uint64 [n-grams], int64 [texts + 1]): the n-grams of many texts, and where those of each begin.

    ``hashes`` and ``offsets`` are those of a ``Split``. No n-gram crosses texts; a text of fewer than n words has none.
    """
    every = ngram_hashes(hashes, n)
    sizes = np.diff(offsets)
    inside = np.ones(len(every) + n, dtype=bool)
    begins, ends = offsets[:-1][sizes > 0], offsets[1:][sizes > 0]
    for back in range(1, n):  # what begins in a text's last n - 1 words ends in the next one
        inside[np.maximum(ends - back, begins)] = False
    counts = np.maximum(sizes - (n - 1), 0)
    return every[inside[: len(every)]], np.concatenate(([0], np.cumsum(counts)))


class Bits:
    """A set of hashes of which some that are not in it seem to be: 3% where a million are (Bloom 1970, one hash)."""

    def __init__(self) -> None:
        self.table = np.zeros(1 << BITS - 3, dtype=np.uint8)

    def add(self, hashes: np.ndarray) -> None:
        """Put hashes (uint64) into the set."""
        places, bits = self.spots(hashes)
        np.bitwise_or.at(self.table, places, bits)

    def hold(self, hashes: np.ndarray) -> np.ndarray:
        """Whether each seems to be in the set: 0 where it is not (uint8 of the same shape)."""
        places, bits = self.spots(hashes)
        present: np.ndarray = self.table[places] & bits
        return present

    @staticmethod
    def spots(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(byte in the table, bit in the byte) of each."""
        spots = hashes >> np.uint64(64 - BITS)
        return spots >> np.uint64(3), np.left_shift(np.uint8(1), (spots & np.uint64(7)).astype(np.uint8))
