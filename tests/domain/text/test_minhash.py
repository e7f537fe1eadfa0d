from __future__ import annotations

import random

import numpy as np
import pytest

from domain.text.minhash import BANDS, ROWS, SIZE, band_keys, detection, signature, similarity
from domain.text.words import word_hashes


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def jaccard(one: list[str], other: list[str]) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def changed(words: list[str], count: int, chance: random.Random) -> list[str]:
    """The words with ``count`` of them replaced."""
    copy = list(words)
    for place in chance.sample(range(len(copy)), count):
        copy[place] = f"new{chance.randrange(10**9)}"
    return copy


def test_agreement_estimates_the_true_overlap() -> None:
    chance = random.Random(5)
    errors = []
    for number in range(60):
        text = [f"w{chance.randrange(5000)}" for _ in range(400)]
        other = changed(text, number % 40 + 1, chance)
        estimated = similarity(signature(word_hashes(text)), signature(word_hashes(other)))
        errors.append(float(estimated) - jaccard(text, other))
    # 112 independent trials: a standard error of at most sqrt(0.25 / 112) = 0.047, and no bias.
    assert max(map(abs, errors)) < 4 * 0.0473
    assert abs(np.mean(errors)) < 4 * 0.0473 / np.sqrt(60)


def test_a_signature_does_not_depend_on_how_many_shingles_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = word_hashes([f"w{i}" for i in range(500)])
    whole = signature(hashes)
    monkeypatch.setattr("domain.text.minhash.AT_ONCE", 7)
    assert np.array_equal(signature(hashes), whole)


def test_signatures_stay_as_they_are_from_year_to_year() -> None:
    # A frozen test split stands on this: a change here moves documents between splits.
    assert (
        signature(word_hashes(["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]))[:4].tolist()
        == FROZEN
    )


FROZEN = [953038197, 435009409, 1355931251, 855272010]


@pytest.mark.parametrize("text", [[], ["one"], ["one", "two", "three", "four"]])
def test_short_texts_are_one_shingle(text: list[str]) -> None:
    sign = signature(word_hashes(text))
    assert sign.shape == (SIZE,)
    assert sign.dtype == np.uint32
    assert similarity(sign, signature(word_hashes([*text, "more"]))) < 0.1


def test_detection_is_the_formula_and_what_happens() -> None:
    # Leskovec, Rajaraman, Ullman, section 3.4.2: b = 20, r = 5 gives .470 at .5 and .9996 at .8.
    assert detection(0.5, 20, 5) == pytest.approx(0.470, abs=0.001)
    assert detection(0.8, 20, 5) == pytest.approx(0.9996, abs=0.0001)
    chance = np.random.default_rng(3)
    one = chance.integers(0, 2**32, (4000, SIZE), dtype=np.uint32)
    other = np.where(chance.random(one.shape) < 0.5, one, chance.integers(0, 2**32, one.shape, dtype=np.uint32))
    met = (band_keys(one) == band_keys(other)).any(axis=1).mean()
    assert met == pytest.approx(detection(0.5), abs=4 * np.sqrt(0.25 / 4000))


def test_band_keys_are_equal_where_bands_are() -> None:
    one = np.arange(SIZE, dtype=np.uint32)[None]
    other = one.copy()
    other[0, ROWS * 3 + 1] += 1
    assert np.flatnonzero(band_keys(one)[0] != band_keys(other)[0]).tolist() == [3]
    assert band_keys(one).shape == (1, BANDS)
