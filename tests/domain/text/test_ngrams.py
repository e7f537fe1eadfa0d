from __future__ import annotations

import numpy as np
import pytest

from domain.text.ngrams import MULTIPLIER, ngram_hashes


def test_by_hand() -> None:
    a, b, c = 3, 5, 7
    m = int(MULTIPLIER)
    expected = []
    for one, other in ((a, b), (b, c)):
        value = (one * m + other) % 2**64
        expected.append(value ^ (value >> 29))
    assert ngram_hashes(np.array([a, b, c], np.uint64), 2).tolist() == expected


@pytest.mark.parametrize(("count", "n", "length"), [(5, 5, 1), (4, 5, 0), (0, 5, 0), (20, 13, 8)])
def test_how_many_there_are(count: int, n: int, length: int) -> None:
    assert len(ngram_hashes(np.arange(count, dtype=np.uint64), n)) == length


def test_order_counts_and_place_does_not() -> None:
    hashes = np.array([11, 22, 33, 22, 11, 22, 33], np.uint64)
    grams = ngram_hashes(hashes, 3)
    assert grams[0] == grams[4]
    assert grams[0] != grams[2]
    assert hashes.tolist() == [11, 22, 33, 22, 11, 22, 33]
