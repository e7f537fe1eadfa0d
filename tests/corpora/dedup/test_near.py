from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from corpora.dedup import KIN, Near
from corpora.dedup.near import ALL_PAIRS, candidate_pairs, clusters, similar_pairs
from domain.text.minhash import SIZE, signature
from domain.text.words import word_hashes


def families(count: int, chance: random.Random) -> list[list[str]]:
    """Texts of 300 words, and of each three copies with 2, 8 and 40 words replaced."""
    texts = []
    for _ in range(count):
        text = [f"w{chance.randrange(10**6)}" for _ in range(300)]
        texts.append(text)
        for changes in (2, 8, 40):
            copy = list(text)
            for place in chance.sample(range(300), changes):
                copy[place] = f"x{chance.randrange(10**9)}"
            texts.append(copy)
    return texts


def overlap(one: list[str], other: list[str]) -> float:
    a, b = ({tuple(t[i : i + 5]) for i in range(len(t) - 4)} for t in (one, other))
    return len(a & b) / len(a | b)


def test_pairs_are_those_of_brute_force() -> None:
    texts = families(30, random.Random(1))
    signatures = np.stack([signature(word_hashes(text)) for text in texts])
    pairs, estimated = similar_pairs(signatures, 0.8)
    found = {tuple(pair) for pair in pairs.tolist()}
    truth = {(i, j): overlap(texts[i], texts[j]) for i, j in combinations(range(len(texts)), 2)}
    # The estimate's standard error at .8 is .038: beyond three of them every pair is decided rightly.
    assert {pair for pair, value in truth.items() if value > 0.92} <= found
    assert not {pair for pair in found if truth[pair] < 0.68}
    assert len({pair for pair, value in truth.items() if value > 0.92}) >= 25
    for pair, value in zip(pairs.tolist(), estimated, strict=True):
        assert abs(truth[tuple(pair)] - value) < 4 * 0.048


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = families(10, random.Random(2))
    signatures = np.stack([signature(word_hashes(text)) for text in texts])
    pairs, estimated = similar_pairs(signatures, 0.5)
    monkeypatch.setattr("corpora.dedup.near.AT_ONCE", 3)
    again, others = similar_pairs(signatures, 0.5)
    assert np.array_equal(pairs, again)
    assert np.array_equal(estimated, others)


@pytest.mark.parametrize("count", [0, 1])
def test_few_texts(count: int) -> None:
    pairs, estimated = similar_pairs(np.zeros((count, SIZE), np.uint32), 0.5)
    assert pairs.shape == (0, 2)
    assert estimated.shape == (0,)


def test_a_crowd_of_equal_texts_is_one_cluster_and_no_square_of_pairs() -> None:
    count = 40 * ALL_PAIRS
    pairs, _ = similar_pairs(np.ones((count, SIZE), np.uint32), 0.8)
    assert len(pairs) < 2 * count
    assert not clusters(count, pairs).any()


def test_candidates_are_ordered_and_come_once() -> None:
    pairs = candidate_pairs(np.ones((5, SIZE), np.uint32))
    assert pairs.tolist() == [list(pair) for pair in combinations(range(5), 2)]


def test_clusters_are_connected_components() -> None:
    chance = random.Random(3)
    pairs = np.array([sorted(chance.sample(range(200), 2)) for _ in range(120)])
    expected = list(range(200))
    for _ in range(200):  # spread the smallest name until nothing moves
        for left, right in pairs.tolist():
            expected[left] = expected[right] = min(expected[left], expected[right])
    assert clusters(200, pairs).tolist() == expected


def test_thresholds_below_what_is_found_are_refused() -> None:
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.5"):
        Near(threshold=KIN - 0.1)
