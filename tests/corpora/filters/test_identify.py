from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from corpora.filters.identify import DEPTH, PIECE, WORLD, Identifier, identifier, normal
from tests.corpora.newspapers import STORIES


def walked(text: bytes) -> dict[int, int]:
    """The features of a text and how often each stands, a byte at a time."""
    own, state, counts = identifier(), 0, Counter[int]()
    for letter in text:
        state = int(own.next[own.row[state] + letter])
        counts[int(own.feature[state])] += 1
    return {feature: count for feature, count in sorted(counts.items()) if feature >= 0}


@pytest.mark.parametrize("seed", range(4))
def test_texts_in_pieces_have_the_features_of_a_walk_through_each(seed: int) -> None:
    chance = random.Random(seed)
    stories = "\n".join(STORIES.values()).encode()
    texts = [b"", b"\x00", b"a\x00b", bytes(range(256))]
    for size in (1, DEPTH - 1, DEPTH, DEPTH + 1, PIECE - 1, PIECE, PIECE + 1, PIECE - DEPTH, 3 * PIECE, 1_000):
        begin = chance.randrange(len(stories) - size)
        texts += [stories[begin : begin + size], chance.randbytes(size)]
    chance.shuffle(texts)
    for text, features in zip(texts, identifier().counted(texts), strict=True):
        expected = walked(text)
        assert dict(zip(features.numbers.tolist(), features.weights.tolist(), strict=True)) == {
            feature: float(np.log1p(np.float32(count))) for feature, count in expected.items()
        }
        assert features.numbers.tolist() == list(expected)
        assert features.total == pytest.approx(sum(np.log1p(count) for count in expected.values()))
    assert identifier().counted([]) == []


def test_no_feature_is_longer_than_what_a_piece_looks_back_at() -> None:
    """By breadth from the start: where the walk through a feature's bytes first leads."""
    own = identifier()
    depth, level = {0: 0}, [0]
    while level:
        ahead = own.next[own.row[level][:, None] + np.arange(256)]
        fresh = [state for state in np.unique(ahead).tolist() if state not in depth]
        depth.update(dict.fromkeys(fresh, depth[level[0]] + 1))
        level = fresh
    assert len(depth) == len(own.row)
    assert max(depth.values()) == DEPTH
    assert not own.next[own.row].any()  # a NUL leads to the start
    assert own.feature[0] < 0


def test_an_answer_is_given_again_to_the_same_question_alone() -> None:
    texts = [*STORIES.values(), STORIES["en"], ""]
    few = ("de", "en", "zxx")
    fresh = Identifier()
    asked = identifier().identify(texts), identifier().identify(texts, few), identifier().identify(texts)
    assert asked[1] == fresh.identify(texts, few) != asked[0]
    assert asked[0] == asked[2] == fresh.identify(texts)
    assert asked[0][-1].language == "zxx"
    assert asked[0] == [answer for text in texts for answer in identifier().identify([text], WORLD)]


def test_capitals_are_lowered_where_they_are_the_most() -> None:
    assert normal("ABc") == b"abc"
    assert normal("ABcd") == b"ABcd"
    assert normal("ÄÖü" * 9) == "äöü".encode() * 9
    assert normal("ÄÖüß" * 9) == "ÄÖüß".encode() * 9
