from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpora.heldout.entries import Entry, obeyed, write_entry
from corpora.heldout.texts import HeldOutTexts, TrainedTexts, earlier

TEST, VALIDATION, TRAIN = 0, 1, 2
SHARES = {"validation": 0.1, "test": 0.1, "later": 0.0}


def entries_of(work: Path, *contents: dict[str, Any], shares: dict[str, float] = SHARES) -> list[Entry]:
    for number, content in enumerate(contents):
        texts = len(content.get("splits", []))
        arrays = {
            "splits": np.array(content.get("splits", []), np.uint8),
            "words": np.array(content.get("words", [10] * texts), np.int64),
            "keys": np.array(content.get("keys", range(texts)), np.uint64),
            "bands": np.array(content.get("bands", np.zeros((texts, 14))), np.uint64).reshape(-1, 14),
            "texts": np.array(content.get("texts", range(texts)), np.int64),
            **sorted_grams(
                content.get("grams", []), content.get("begins", [0] * (texts + 1)), own=content.get("own", True)
            ),
            "pieces": np.array(content.get("pieces", np.zeros((texts, 8))), np.uint64).reshape(-1, 8),
            "trained_keys": np.array(content.get("trained_keys", []), np.uint64),
            "trained_bands": np.array(content.get("trained_bands", np.zeros((14, 0))), np.uint64).reshape(14, -1),
        }
        write_entry(work, f"entry{number}{len(shares)}{shares['test']}", shares, [], arrays)
    return obeyed(work, "new")


def sorted_grams(grams: list[int], begins: list[int], *, own: bool) -> dict[str, np.ndarray]:
    """The n-grams of texts, one text after the other, as an entry has them."""
    sizes, order = np.diff(begins), np.argsort(grams, kind="stable")
    texts = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return {"grams": np.array(grams, np.uint64)[order], "gram_texts": texts[order], "sizes": sizes if own else -sizes}


def codes(texts: HeldOutTexts, numbers: np.ndarray) -> list[int]:
    return texts.split_codes(numbers, 9).tolist()


def pairs(*keys: int) -> np.ndarray:
    return np.array(keys, np.uint64)


def rows(*values: int) -> np.ndarray:
    """Bands that share none with others, but for the value in one column."""
    bands = np.arange(1000, 1000 + 14 * len(values), dtype=np.uint64).reshape(-1, 14)
    for place, value in enumerate(values):
        bands[place, value % 14] = value
    return bands.T


def test_nothing_is_kin_where_nothing_is_held_out(tmp_path: Path) -> None:
    for entries in ([], entries_of(tmp_path, {})):
        texts = HeldOutTexts(entries)
        assert len(texts) == 0
        assert texts.kin(pairs(1, 2), rows(3, 4)).tolist() == [-1, -1]
        assert texts.edited(np.empty(0, np.uint64), np.array([0, 0]), np.array([5])).tolist() == [-1]
        assert codes(texts, np.array([-1, -1])) == [9, 9]


def test_equal_keys_and_shared_bands_over_several_entries_and_test_before_validation(tmp_path: Path) -> None:
    bands = [np.full(14, 70), np.full(14, 80)]
    entries = entries_of(
        tmp_path,
        {"splits": [VALIDATION, TEST], "keys": [5, 6, 7], "texts": [0, 1, 0], "bands": [*bands, np.full(14, 90)]},
        {"splits": [TEST, VALIDATION], "keys": [8, 6], "bands": [np.full(14, 90), np.full(14, 60)]},
    )
    texts = HeldOutTexts(entries)
    assert len(texts) == 4
    assert codes(texts, texts.equal(pairs(4, 5, 6, 7, 8, 9))) == [9, VALIDATION, TEST, VALIDATION, TEST, 9]
    assert codes(texts, texts.kin(pairs(0, 0, 0, 0, 5), rows(70, 80, 90, 65, 80))) == [
        VALIDATION, TEST, TEST, 9, TEST,
    ]  # fmt: skip


def test_texts_are_numbered_over_entries_of_other_sizes(tmp_path: Path) -> None:
    entries = entries_of(
        tmp_path, {"splits": [TEST], "keys": [5]}, {"splits": [VALIDATION, TEST, VALIDATION], "keys": [6, 7, 8]}
    )
    texts = HeldOutTexts(entries)
    assert codes(texts, texts.equal(pairs(5, 6, 7, 8))) == [TEST, VALIDATION, TEST, VALIDATION]


def test_an_edited_text_shares_enough_of_the_n_grams_of_one_held_out_text(tmp_path: Path) -> None:
    grams = [*range(0, 100, 10), *range(5, 205, 10)]  # 10 of the first, 20 of the second
    entries = entries_of(
        tmp_path, {"splits": [VALIDATION, TEST], "words": [20, 30], "grams": grams, "begins": [0, 10, 30]}
    )
    texts = HeldOutTexts(entries)

    def edited(*each: tuple[list[int], int]) -> list[int]:
        sizes = [len(shared) for shared, _ in each]
        shared = np.array([gram for row, _ in each for gram in row], np.uint64)
        begins = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        return codes(texts, texts.edited(shared, begins, np.array([words for _, words in each])))

    one, other = list(range(0, 100, 10)), list(range(5, 205, 10))
    assert edited((one[:4], 20), (one[:3], 20), (other[:6], 30), (other[:5], 30)) == [VALIDATION, 9, TEST, 9]
    assert edited((one[:7], 80), (one[:7], 81), (one[:8], 81)) == [VALIDATION, 9, VALIDATION]
    assert edited(([], 20), (sorted({*one, *other}), 25)) == [9, TEST]


def test_a_text_in_the_words_of_others_is_known_by_nearly_all_of_them(tmp_path: Path) -> None:
    grams = list(range(20))
    content = {"splits": [TEST], "words": [22], "grams": grams, "begins": [0, 20], "own": False}
    texts = HeldOutTexts(entries_of(tmp_path, content))
    for count, words, expected in ((20, 25, TEST), (18, 44, TEST), (17, 22, 9), (20, 45, 9)):
        shared = np.array(grams[:count], np.uint64)
        assert codes(texts, texts.edited(shared, np.array([0, count]), np.array([words]))) == [expected]


def test_of_several_entries_the_first_text_counts(tmp_path: Path) -> None:
    """Numbered over all of them, test first."""
    same = {"words": [20], "grams": list(range(10)), "begins": [0, 10]}
    entries = entries_of(
        tmp_path, {"splits": [VALIDATION], **same}, {"splits": [TEST], **same}, {}, {"splits": [VALIDATION], **same}
    )
    texts = HeldOutTexts(entries)
    grams, begins = np.arange(10, dtype=np.uint64), np.array([0, 10, 10])
    assert codes(texts, texts.edited(grams, begins, np.array([20, 20]))) == [TEST, 9]
    assert sorted(table.rpartition("/")[2] for table in texts.gram_tables()) == ["grams.npy"] * 4


def test_a_text_of_which_a_word_or_two_are_others(tmp_path: Path) -> None:
    pieces = [[1, 2, 3, 4, 0, 0, 0, 0], [11, 12, 13, 14, 15, 16, 17, 18], [1, 2, 3, 9, 0, 0, 0, 0]]
    texts = HeldOutTexts(entries_of(tmp_path, {"splits": [VALIDATION, VALIDATION, TEST], "pieces": pieces}))

    def replaced(row: list[int], words: int) -> int:
        return codes(texts, texts.replaced(np.array([row + [0] * (8 - len(row))], np.uint64), np.array([words])))[0]

    assert replaced([1, 2, 3, 4], 8) == TEST  # of two texts that are as near, the one in test
    assert replaced([1, 2, 7, 4], 8) == VALIDATION
    assert replaced([1, 2, 7, 6], 8) == 9
    assert replaced([11, 12, 13, 14, 15, 16, 5, 6], 20) == VALIDATION
    assert replaced([11, 12, 13, 14, 15, 6, 5, 6], 20) == 9
    assert replaced([], 7) == 9


def test_text_that_was_trained_on_under_the_same_hold_out(tmp_path: Path) -> None:
    bands = np.sort(np.array([np.full(14, 70), np.full(14, 50)]).T, axis=1)
    entries = entries_of(tmp_path, {"trained_keys": [3, 9], "trained_bands": bands})
    for shares, expected in ((SHARES, True), ({**SHARES, "test": 0.2}, False), ({**SHARES, "later": 0.2}, False)):
        trained = TrainedTexts(entries, shares)
        assert trained.equal(pairs(2, 3, 9, 10)).tolist() == [False, expected, expected, False]
        assert trained.kin(rows(50, 60, 70), 3).tolist() == [expected, False, expected]
    assert TrainedTexts(entries).equal(pairs(2, 3)).tolist() == [False, True]
    assert TrainedTexts([], SHARES).kin(rows(50), 1).tolist() == [False]


def test_the_smaller_number_stands_and_nobody_is_none() -> None:
    assert earlier(np.array([-1, -1, 3, 3]), np.array([-1, 2, -1, 1])).tolist() == [-1, 2, 3, 1]
