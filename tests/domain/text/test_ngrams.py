from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from domain.text.ngrams import MULTIPLIER, Bits, ngram_hashes, ngram_hashes_at, ngrams_of


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


@pytest.mark.parametrize("n", [1, 2, 5, 13])
def test_none_crosses_texts(n: int) -> None:
    chance = random.Random(n)
    for _ in range(30):
        sizes = [chance.choice([0, 0, 1, 4, 5, 20]) for _ in range(chance.randrange(8))]
        offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        hashes = np.array([chance.getrandbits(64) for _ in range(offsets[-1])], np.uint64)
        grams, begins = ngrams_of(hashes, offsets, n)
        alone = [ngram_hashes(hashes[a:b], n).tolist() for a, b in itertools.pairwise(offsets)]
        assert [grams[a:b].tolist() for a, b in itertools.pairwise(begins)] == alone


def test_those_at_some_places() -> None:
    hashes = np.array([random.Random(1).getrandbits(64) for _ in range(50)], np.uint64)
    places = np.array([40, 0, 7, 7])
    assert np.array_equal(ngram_hashes_at(hashes, places, 10), ngram_hashes(hashes, 10)[places])
    assert len(ngram_hashes_at(hashes, places[:0], 10)) == 0


def test_bits_hold_what_was_added_and_little_else() -> None:
    chance = np.random.default_rng(2)
    added, others = chance.integers(0, 2**63, (2, 100_000)).astype(np.uint64) << np.uint64(1)
    bits = Bits()
    bits.add(added)
    assert (bits.hold(added) > 0).all()
    share = (bits.hold(others) > 0).mean()  # 100,000 of 2^25 places
    assert share == pytest.approx(100_000 / 2**25, abs=4 * np.sqrt(0.003 / 100_000))
