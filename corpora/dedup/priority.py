"""Which of several duplicates stays: by source, then the oldest date, then a hash of its name."""

from __future__ import annotations

import numpy as np

UNDATED = np.iinfo(np.int32).max  # behind every day


def ranks(places: np.ndarray, days: np.ndarray, names: np.ndarray, first: np.ndarray) -> np.ndarray:
    """int [documents], a permutation, lower is earlier: by source, undated last, by name.

    It depends on nothing but what a document is: not on files, shards or workers. Names are hashes of source and id,
    which are unique; should two be equal, the first of them is earlier.

    Args:
        places: int32 [documents], of each one's source: domain before general, then as the recipe lists them
        days: int32 [documents], counted from any day, or ``UNDATED``
        names: uint64 [documents]
        first: bool [documents], those that come before all others
    """
    key = places.astype(np.uint64)
    key <<= np.uint64(32)
    key |= (days.astype(np.int64) + 2**31).view(np.uint64)
    key |= (~first).astype(np.uint64) << np.uint64(63)
    return inverse(np.lexsort((names, key)))


def inverse(order: np.ndarray) -> np.ndarray:
    """int: the place of each number in a permutation (int)."""
    places = np.empty(len(order), integers(len(order)))
    places[order] = np.arange(len(order), dtype=places.dtype)
    return places


def integers(count: int) -> type[np.signedinteger]:
    """The smaller integers that number so many things: 4 bytes each for up to 2 billion."""
    return np.int32 if count < 2**31 else np.int64
