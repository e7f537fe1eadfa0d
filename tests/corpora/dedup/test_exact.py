from __future__ import annotations

import random

import numpy as np
import pytest
import xxhash

from corpora.dedup.exact import exact_keys, first_of_equals, normalised

ALPHABET = "aZ.,'  \n\t\x1c\x85\u00a0\u2003\u3000éÀßſΣςЖẞ\u212aİ😀𐐀中ＡＺ\U0010ffff"


def spelled_out(text: str) -> bytes:
    """The rule, a character at a time."""
    folded = []
    for letter in text:
        other = letter.casefold()
        alike = len(other) == 1 and len(other.encode()) == len(letter.encode())
        folded.append(other if alike else letter)
    return " ".join("".join(folded).split()).encode()


def test_case_and_white_space_are_folded_and_nothing_else() -> None:
    assert normalised(["A  Bond\n matures", "\u00a0ÉTÉ\u3000 1\t"]) == [b"a bond matures", "été 1".encode()]
    same = exact_keys(["A  Bond\n matures", "a bond MATURES "])
    assert np.array_equal(same[0], same[1])
    keys = exact_keys(["a bond", "a bond.", "abond", "bond a", "a b\u00f6nd", "a b\u00f8nd", ""])
    assert len({tuple(key) for key in keys.tolist()}) == 7


def test_texts_that_look_alike_have_one_key() -> None:
    alike = ["A state-owned bank’s 20–30 notes", "a state-owned bank's 20-30 notes",
             "a sta­te‑owned bank&rsquo;s 20-30 no-\ntes", "ａ state‐owned　bank's 20-30 not​es"]  # fmt: skip
    assert len({tuple(key) for key in exact_keys(alike).tolist()}) == 1


def test_a_batch_is_normalised_as_each_alone() -> None:
    chance = random.Random(2)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randrange(40))) for _ in range(500)]
    assert normalised(texts) == [spelled_out(text) for text in texts]
    assert [normalised([text])[0] for text in texts[:50]] == normalised(texts[:50])
    assert normalised([]) == []
    assert exact_keys([]).shape == (0, 2)


def test_a_key_is_xxh3_of_128_bits() -> None:
    value = xxhash.xxh3_128_intdigest(b"a bond")
    assert exact_keys(["A bond"]).tolist() == [[value >> 64, value % 2**64]]


def test_the_earliest_one_is_named() -> None:
    keys = np.array([[3, 1], [1, 1], [3, 1], [2, 1], [1, 1], [3, 1], [3, 2]], np.uint64)
    assert first_of_equals(keys, np.arange(7)).tolist() == [0, 1, 0, 3, 1, 0, 6]
    assert first_of_equals(keys, np.array([5, 9, 2, 0, 1, 7, 8])).tolist() == [2, 4, 2, 3, 4, 2, 6]
    assert first_of_equals(keys[:0], np.arange(0)).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_any_order_and_any_keys(seed: int) -> None:
    chance = np.random.default_rng(seed)
    keys, order = chance.integers(0, 6, (80, 2)).astype(np.uint64), chance.permutation(80)
    expected = [min(np.flatnonzero((keys == key).all(axis=1)), key=lambda i: order[i]) for key in keys]
    assert first_of_equals(keys, order).tolist() == expected
