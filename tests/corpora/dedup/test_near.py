from __future__ import annotations

import random
import time

import numpy as np
import pytest

from corpora.dedup import Near
from corpora.dedup.near import components, near_duplicates
from domain.text.minhash import band_hashes
from domain.text.words import Split


def told(bands: np.ndarray, order: np.ndarray) -> tuple[list[bool], list[int]]:
    """The definition: every pair, and names spread until nothing moves."""
    count = len(bands)
    alike = (bands[:, None] == bands[None]).any(axis=2)
    drops = [any(alike[i, j] and order[j] < order[i] for j in range(count)) for i in range(count)]
    roots = list(range(count))
    for _ in range(count):
        roots = [min((roots[j] for j in range(count) if alike[i, j]), key=lambda r: order[r]) for i in range(count)]
    return drops, roots


@pytest.mark.parametrize("seed", range(30))
def test_what_is_dropped_and_the_clusters_are_those_of_all_pairs(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(0, 40))
    bands = chance.integers(0, 8 * count + 1, (count, 14)).astype(np.uint64)
    order = chance.permutation(count)
    drops, roots = near_duplicates(bands, order)
    assert (drops.tolist(), roots.tolist()) == told(bands, order)


def test_a_bridge_that_comes_later_undoes_nothing() -> None:
    one, other, bridge = [1, 2], [3, 4], [1, 4]
    drops, roots = near_duplicates(np.array([one, other, bridge], np.uint64), np.arange(3))
    assert drops.tolist() == [False, False, True]
    assert roots.tolist() == [0, 0, 0]
    drops, roots = near_duplicates(np.array([one, other, bridge], np.uint64), np.array([1, 2, 0]))
    assert drops.tolist() == [True, True, False]
    assert roots.tolist() == [2, 2, 2]


def test_equal_numbers_in_different_bands_mean_nothing() -> None:
    drops, roots = near_duplicates(np.array([[7, 8], [8, 7]], np.uint64), np.arange(2))
    assert not drops.any()
    assert roots.tolist() == [0, 1]


def test_a_hundred_thousand_equal_texts_stay_linear() -> None:
    count = 100_000
    began = time.process_time()
    drops, roots = near_duplicates(np.ones((count, 14), np.uint64), np.arange(count)[::-1].copy())
    assert time.process_time() - began < 5  # 0.15 s alone; the pairs would be 5 billion
    assert drops.sum() == count - 1
    assert set(roots.tolist()) == {count - 1}


def test_a_chain_is_one_cluster() -> None:
    left = np.arange(20_000)
    assert not components(20_001, left, left + 1).any()
    assert components(3, left[:0], left[:0]).tolist() == [0, 1, 2]


def test_copies_with_few_edits_are_found_and_others_are_not() -> None:
    chance = random.Random(1)
    texts = [[f"w{chance.randrange(10**6)}" for _ in range(300)] for _ in range(200)]
    for edits in (1, 40):  # overlaps of 0.97 and 0.3: found with a probability above 0.999999 and of 0.001
        copies = [list(text) for text in texts]
        for copy in copies:
            for place in chance.sample(range(300), edits):
                copy[place] = f"x{chance.randrange(10**9)}"
        drops, _ = near_duplicates(band_hashes(Split([" ".join(t) for t in texts + copies])), np.arange(400))
        assert not drops[:200].any()
        assert drops[200:].mean() == pytest.approx(1.0 if edits == 1 else 0.0, abs=0.02)


def test_a_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Near.model_validate({"kind": "near", "threshold": 0.8})
