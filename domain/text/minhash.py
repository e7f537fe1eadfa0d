"""MinHash signatures: near-duplicate texts agree in about as many places as their word 5-grams overlap."""

from __future__ import annotations

import numpy as np

from domain.text.ngrams import ngram_hashes

SHINGLE = 5  # words
BANDS, ROWS = 28, 4
SIZE = BANDS * ROWS
AT_ONCE = 4_096  # shingles; keeps the table of products below 4 MB

_random = np.random.Generator(np.random.PCG64(20_240_229))  # fixed: signatures must agree from one year to the next
_A = _random.integers(1, 2**63, SIZE, dtype=np.uint64) | np.uint64(1)
_B = _random.integers(0, 2**63, SIZE, dtype=np.uint64)


def signature(hashes: np.ndarray) -> np.ndarray:
    """uint32 [112] of a text's word hashes (uint64 [words]); texts under 5 words are one shingle.

    Broder 1997. Place i holds the smallest of (a_i h + b_i) mod 2^64 >> 32 over the shingles' hashes h.
    """
    shingles = np.unique(ngram_hashes(hashes, min(SHINGLE, len(hashes))) if len(hashes) else np.zeros(1, np.uint64))
    lowest = np.full(SIZE, 2**32 - 1, dtype=np.uint32)
    for start in range(0, len(shingles), AT_ONCE):
        mixed = (shingles[start : start + AT_ONCE, None] * _A + _B) >> np.uint64(32)
        np.minimum(lowest, mixed.min(axis=0).astype(np.uint32), out=lowest)
    return lowest


def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of signatures [..., 112], as float64 [...]; standard error at most 0.048."""
    return np.asarray((one == other).mean(axis=-1))


def detection(jaccard: float, bands: int = BANDS, rows: int = ROWS) -> float:
    """Probability that two texts of this similarity share a band: 1 - (1 - s^r)^b (Leskovec et al., MMDS, 3.4.2)."""
    return float(1.0 - (1.0 - jaccard**rows) ** bands)


def band_keys(signatures: np.ndarray) -> np.ndarray:
    """uint64 [texts, 28]: equal keys in a column are equal bands."""
    bands = signatures.reshape(len(signatures), BANDS, ROWS).astype(np.uint64)
    keys = bands[..., 0]
    for row in range(1, ROWS):
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + bands[..., row]
    return keys ^ (keys >> np.uint64(31))
