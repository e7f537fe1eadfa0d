"""Hashes of runs of words."""

from __future__ import annotations

import numpy as np

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, from the golden ratio: neighbours land far apart


def ngram_hashes(hashes: np.ndarray, n: int) -> np.ndarray:
    """uint64 [words - n + 1]: a polynomial in the word hashes modulo 2^64; empty for fewer than n words."""
    count = len(hashes) - n + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    combined = hashes[:count].copy()
    for offset in range(1, n):
        combined *= MULTIPLIER
        combined += hashes[offset : offset + count]
    mixed: np.ndarray = combined ^ (combined >> np.uint64(29))
    return mixed
