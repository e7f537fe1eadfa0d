from __future__ import annotations

import random

import numpy as np
import pytest

from domain.text import minhash
from domain.text.fold import fold_words
from domain.text.minhash import BANDS, FACTORS, ROWS, band_hashes, minima, shingles
from domain.text.words import Split


def of(texts: list[list[str]]) -> Split:
    return Split([" ".join(words) for words in texts])


def overlap(one: list[str], other: list[str]) -> float:
    a, b = ({tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} for words in (one, other))
    return len(a & b) / len(a | b)


def changed(words: list[str], count: int, chance: random.Random) -> list[str]:
    """The words with ``count`` of them replaced."""
    copy = list(words)
    for place in chance.sample(range(len(copy)), count):
        copy[place] = f"new{chance.randrange(10**9)}"
    return copy


def test_agreement_of_the_minima_estimates_the_overlap() -> None:
    chance = random.Random(5)
    texts, truth = [], []
    for number in range(60):
        text = [f"w{chance.randrange(5000)}" for _ in range(400)]
        other = changed(text, number % 40 + 1, chance)
        texts += [text, other]
        truth.append(overlap(text, other))
    lowest = minima(*shingles(of(texts)))
    errors = (lowest[:, ::2] == lowest[:, 1::2]).mean(axis=0) - truth
    # 112 independent trials: a standard error of at most sqrt(0.25 / 112) = 0.047, and no bias.
    assert np.abs(errors).max() < 4 * 0.0473
    assert abs(errors.mean()) < 4 * 0.0473 / np.sqrt(60)


@pytest.mark.parametrize(("length", "edits"), [(400, 6), (400, 20), (60, 1), (60, 3), (12, 1)])
def test_how_many_share_a_band_is_what_theory_says(length: int, edits: int) -> None:
    chance = random.Random(length + edits)
    texts, expected = [], []
    for _ in range(400):
        text = [f"w{chance.randrange(10**6)}" for _ in range(length)]
        other = changed(text, edits, chance)
        texts += [text, other]
        expected.append(1 - (1 - overlap(text, other) ** ROWS) ** BANDS)  # MMDS, section 3.4.2
    bands = band_hashes(of(texts))
    share = (bands[::2] == bands[1::2]).any(axis=1).mean()
    assert share == pytest.approx(np.mean(expected), abs=4 * np.sqrt(0.25 / 400))


def test_a_text_has_the_same_bands_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(8)
    texts = [[f"w{chance.randrange(99)}" for _ in range(chance.choice([0, 1, 4, 5, 6, 300]))] for _ in range(60)]
    together = band_hashes(of(texts))
    assert together.shape == (60, BANDS)
    assert together.dtype == np.uint64
    monkeypatch.setattr(minhash, "AT_ONCE", 7)
    assert np.array_equal(np.concatenate([band_hashes(of([text])) for text in texts]), together)
    assert np.array_equal(band_hashes(of(texts)), together)
    assert band_hashes(Split([])).shape == (0, BANDS)


def test_short_texts_are_one_shingle() -> None:
    texts = ["one", "one two", "one two three four", "one two three four five", "", "!", "ONE, two"]
    grams, begins = shingles(Split(texts))
    assert np.diff(begins).tolist() == [1] * len(texts)
    bands = band_hashes(Split(texts))
    alike = (bands[:, None] == bands[None]).any(axis=2)
    pairs = [(i, j) for i, j in np.argwhere(alike).tolist() if i < j]
    assert pairs == [(1, 6), (4, 5)]
    assert len(set(grams.tolist())) == 5


def test_minima_are_those_of_python() -> None:
    chance = random.Random(9)
    values = np.array([chance.getrandbits(32) for _ in range(50)], np.uint32)
    lowest = minima(values, np.array([0, 1, 30, 50]))
    for row, factor in zip(lowest.tolist(), FACTORS.tolist(), strict=True):
        products = [value * factor % 2**32 for value in values.tolist()]
        assert row == [products[0], min(products[1:30]), min(products[30:])]


def test_the_largest_product_is_a_minimum_too() -> None:
    largest = 2**32 - 1
    value = largest * pow(int(FACTORS[0]), -1, 2**32) % 2**32  # times the first factor, it is the largest
    assert minima(np.array([value], np.uint32), np.array([0, 1]))[0].tolist() == [largest]


def test_bands_stay_as_they_are_from_year_to_year() -> None:
    # The index of remembered texts and the frozen test split stand on this.
    bands = band_hashes(Split(["the quick brown fox jumps over the lazy dog"]))
    assert bands[0, :3].tolist() == FROZEN
    assert (BANDS, ROWS) == (14, 8)
    assert len(set(FACTORS.tolist())) == 14 * 8
    assert (FACTORS % 2 == 1).all()


FROZEN = [8359195733962700588, 12225541541635811839, 16298965218054632493]


def test_folded_texts_that_look_alike_share_every_band() -> None:
    plain = "The bank's statements of the last year were audited by the firm that the board had appointed"
    hidden = "\u00ad".join(plain).replace(" ", "\u00a0").replace("'", "\u2019").replace("i", "\uff49")
    bands = band_hashes(fold_words(Split([plain, hidden])))
    assert bands[0].tolist() == bands[1].tolist()
    assert not set(band_hashes(Split([plain]))[0].tolist()) & set(band_hashes(Split([hidden]))[0].tolist())
