from __future__ import annotations

import numpy as np
import pytest

from corpora.heldout import ngrams
from corpora.heldout.ngrams import distinctive, needed, recorded, sampled, shared
from domain.text.ngrams import Bits, ngram_hashes
from domain.text.words import Split, mixed


def words(count: int, begin: int = 0) -> str:
    return " ".join(f"w{number}" for number in range(begin, begin + count))


@pytest.mark.parametrize(
    ("count", "grams"), [(0, 0), (1, 0), (7, 0), (8, 6), (59, 57), (60, 56), (260, 256), (261, 256), (900, 256)]
)
def test_a_text_has_3_grams_or_from_60_words_on_5_grams_and_at_most_256(count: int, grams: int) -> None:
    (sample,) = sampled(Split([words(count)]))
    assert len(sample) == len(set(sample.tolist())) == grams
    assert sample.tolist() == sorted(sample.tolist())
    every = ngram_hashes(Split([words(count)]).hashes, 5 if count >= 60 else 3)
    assert set(sample.tolist()) <= set(every.tolist())


def test_each_text_counts_its_own_words() -> None:
    assert [len(each) for each in sampled(Split([words(55), words(10), words(7), words(60)]))] == [53, 8, 0, 56]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_whether_hashes_are_in_a_column(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(ngrams, "AT_ONCE", at_once)
    hashes, column = np.array([9, 2, 5, 7, 3], np.uint64), np.array([2, 2, 7], np.uint64)
    assert ngrams.among(column, hashes).tolist() == [False, True, False, True, False]
    assert ngrams.among(column[:0], hashes).tolist() == [False] * 5
    assert ngrams.among(column, hashes[:0]).tolist() == []


def test_which_n_grams_are_drawn_depends_on_them_alone() -> None:
    one, both = sampled(Split([words(400)]))[0], sampled(Split(["w0 " * 20, words(500)]))
    assert len(both[0]) == 1
    shorter = set(ngram_hashes(Split([words(400)]).hashes, 5).tolist())
    assert {gram for gram in both[1].tolist() if gram in shorter} <= set(one.tolist())


def test_what_training_text_has_too_says_nothing() -> None:
    sample = np.sort(mixed(np.arange(300, dtype=np.uint64)))
    assert len(distinctive(sample, np.empty(0, np.uint64))) == 128
    left = distinctive(sample[:20], sample[3:15])
    assert left.tolist() == [*sample[:3].tolist(), *sample[15:20].tolist()]
    assert len(distinctive(sample[:20], sample[4:])) == 4
    assert len(distinctive(sample[:20], sample[3:])) == 0  # three n-grams do not tell a text apart


def test_a_text_without_n_grams_of_its_own_is_known_by_all_of_them() -> None:
    sample = np.sort(mixed(np.arange(300, dtype=np.uint64)))
    for common, expected in ((sample[4:20], (4, 4)), (sample[3:20], (20, -20)), (sample[:0], (20, 20))):
        grams, size = recorded(sample[:20], common)
        assert (len(grams), size) == expected
        assert grams.tolist() == sample[:20].tolist()[: len(grams)]
    grams, size = recorded(sample, sample)
    assert (len(grams), size) == (128, -128)
    assert grams.tolist() == distinctive(sample, sample[:0]).tolist()
    assert recorded(sample[:0], sample)[1] == 0


def test_shared_n_grams_of_either_length() -> None:
    held = Split([words(20), words(80, 100)])
    table = np.unique(np.concatenate(sampled(held)))
    bits = Bits()
    bits.add(table)
    split = Split([words(20), f"x {words(10, 5)} y", words(80, 100), words(50, 1000), ""])
    assert [len(each) for each in shared(split, [table], bits)] == [18, 8, 76, 0, 0]
    parts = [table[::2], table[:0], table[1::3]]
    expected = np.unique(np.concatenate(parts))
    for one, some in zip(shared(split, [table], bits), shared(split, parts, bits), strict=True):
        assert some.tolist() == one[np.isin(one, expected)].tolist()
    assert [len(each) for each in shared(split, [], bits)] == [0] * 5


@pytest.mark.parametrize(
    ("size", "own", "other", "number"),
    [
        (100, 50, 50, 30), (100, 50, 200, 30), (100, 50, 201, 80), (101, 50, 50, 31), (10, 12, 12, 4), (4, 9, 9, 4),
        (5, 9, 9, 4), (128, 500, 2001, 103), (125, 500, 2001, 100), (0, 5, 5, 4),
        (-20, 22, 44, 18), (-20, 22, 45, 21), (-21, 22, 22, 19), (-4, 9, 9, 4), (-3, 9, 9, 4), (-1, 9, 9, 4),
        (0, 5, 11, 4), (-1, 9, 19, 2),
    ],
)  # fmt: skip
def test_three_tenths_are_enough_and_four_fifths_where_the_other_text_is_over_four_times_as_long(
    size: int, own: int, other: int, number: int
) -> None:
    assert needed(np.array([size]), np.array([own]), np.array([other])).tolist() == [number]
