"""MinHash bands of many texts at once: texts that share one are near duplicates."""

from __future__ import annotations

import numpy as np

from domain.text.ngrams import ngram_hashes, ngrams_of
from domain.text.words import Split, mixed

SHINGLE = 5  # words
BANDS, ROWS = 14, 8  # a pair shares a band from a similarity of about (1/14)^(1/8) = 0.72 on: datatrove's, FineWeb's
AT_ONCE = 1 << 16  # shingles; their products, 256 kB, stay in the cache
# One to one on 32 bits, since they are odd. Fixed: what is remembered must agree from one year to the next.
FACTORS = (mixed(np.arange(BANDS * ROWS, dtype=np.uint64)) | np.uint64(1)).astype(np.uint32)


def band_hashes(split: Split) -> np.ndarray:
    """uint64 [texts, 14]: where two texts have the same number in a column, they are near duplicates.

    Broder 1997 for the minima, Leskovec, Rajaraman and Ullman (Mining of Massive Datasets, 3.4) for the bands. The
    probability that two texts share one is 1 - (1 - s^8)^14, s the overlap of their sets of word 5-grams. A text of
    fewer than 5 words is one shingle; so texts without a word are all alike.
    """
    lowest = minima(*shingles(split))
    bands = np.empty((BANDS, len(split)), dtype=np.uint64)
    for band in range(BANDS):
        key = np.full(len(split), band, dtype=np.uint64)
        for row in range(ROWS):
            key = key * np.uint64(0x9E3779B97F4A7C15) + lowest[band * ROWS + row]
        bands[band] = mixed(key)
    return np.ascontiguousarray(bands.T)


def shingles(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """(uint32 [shingles], int64 [texts + 1]): 5-grams of words, at least one a text, and where those of each begin."""
    grams, begins = ngrams_of(split.hashes, split.offsets, SHINGLE)
    short = np.flatnonzero(begins[1:] == begins[:-1])
    if len(short):
        words = [split.hashes[split.offsets[i] : split.offsets[i + 1]] for i in short]
        whole = [ngram_hashes(each, len(each))[0] if len(each) else np.uint64(0) for each in words]
        grams = np.insert(grams, begins[short], whole)
        begins = begins + np.concatenate(([0], np.cumsum(begins[1:] == begins[:-1])))
    return (grams >> np.uint64(32)).astype(np.uint32), begins


def minima(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """uint32 [112, texts]: the smallest of factor * value modulo 2^32 over each text's values, for each factor."""
    lowest = np.full((len(FACTORS), len(begins) - 1), 2**32 - 1, dtype=np.uint32)
    for start in range(0, len(values), AT_ONCE):
        part = values[start : start + AT_ONCE]
        # The texts that stand in this part, wholly or not; the first may have begun in an earlier one.
        first = int(np.searchsorted(begins, start, side="right")) - 1
        last = int(np.searchsorted(begins, start + len(part), side="left"))
        places = np.maximum(begins[first:last] - start, 0)
        products = np.empty_like(part)
        for factor, row in zip(FACTORS, lowest[:, first:last], strict=True):
            np.multiply(part, factor, out=products)
            np.minimum(row, np.minimum.reduceat(products, places), out=row)
    return lowest
