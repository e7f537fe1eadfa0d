from __future__ import annotations

import random
import time

import numpy as np
import pytest

from corpora.dedup import Near
from corpora.dedup.near import Buckets, flatten, join, near_duplicates, roots_of
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
    left, roots, none = np.arange(20_000), np.arange(20_001), np.arange(3)
    join(roots, left, left + 1)
    join(none, left[:0], left[:0])
    flatten(roots)
    assert not roots.any()
    assert none.tolist() == [0, 1, 2]


def test_edges_that_come_one_after_the_other_join_what_all_at_once_join() -> None:
    roots = np.arange(8, dtype=np.int32)
    for left, right in ((6, 7), (3, 4), (5, 6), (4, 6), (4, 3), (1, 1)):
        join(roots, np.array([left]), np.array([right]))
    assert roots_of(roots.copy(), np.arange(8)).tolist() == [0, 1, 2, 3, 3, 3, 3, 3]
    join(roots, np.array([7, 2]), np.array([0, 1]))
    assert roots_of(roots.copy(), np.array([7, 6, 2, 7])).tolist() == [0, 0, 1, 0]
    flatten(roots)
    assert roots.tolist() == [0, 1, 1, 0, 0, 0, 0, 0]


def test_a_long_way_to_the_root() -> None:
    roots = np.array([0, 0, 1, 2, 3, 4])
    assert roots_of(roots, np.array([5, 2])).tolist() == [0, 0]
    assert roots.tolist() == [0, 0, 0, 2, 3, 0]
    flatten(roots)
    assert not roots.any()


def test_buckets_hold_what_shares_a_hash_and_name_the_earliest() -> None:
    hashes = np.array([9, 5, 7, 5, 9, 9, 1], np.uint64)
    buckets = Buckets.of(hashes)
    assert (sorted(buckets.members.tolist()), buckets.names.tolist()) == ([0, 1, 3, 4, 5], [1, 1, 2, 2, 2])
    order = np.array([6, 5, 4, 3, 2, 1, 0])
    assert [each.tolist() for each in buckets.edges(order)] == [[3, 1, 1], [5, 2, 6]]
    without = buckets.part(~np.isin(buckets.members, [5, 1]))
    assert [each.tolist() for each in without.edges(order)] == [[2], [6]]
    assert sorted(Buckets.of(np.array([3, 3, 8], np.uint64)).members.tolist()) == [0, 1]
    assert [each.tolist() for each in buckets.edges()] == [[1, 0, 0], [3, 4, 5]]
    assert Buckets.of(hashes, np.arange(10, 17)).members.tolist() == [each + 10 for each in buckets.members.tolist()]
    assert [each.tolist() for each in Buckets.of(hashes[:0]).edges(order)] == [[], []]


def test_a_second_hash_divides_buckets() -> None:
    buckets = Buckets.of(np.array([5, 5, 5, 5, 8, 8], np.uint64))
    seconds = np.array([3, 2, 3, 1, 3, 3], np.uint64)
    divided = buckets.divided(seconds[buckets.members])
    pairs = [each.tolist() for each in divided.edges(np.arange(6))]
    assert pairs == [[0, 4], [2, 5]]


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
