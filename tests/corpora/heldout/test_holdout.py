from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.dedup.priority import UNDATED
from corpora.heldout.holdout import (
    LATER,
    LOUDEST,
    NEITHER,
    TEST,
    TRAIN,
    VALIDATION,
    Holdout,
    are_later,
    first_later_days,
    settle,
    splits_of_keys,
)  # fmt: skip

NEWS, BOOKS = 0, 1  # places of sources


def split_of_key(key: int, spec: Holdout) -> str:
    return LOUDEST[splits_of_keys(np.array([key], np.uint64), spec)[0]]


def key(place: float) -> int:
    """A key that stands at this place between 0 and 1."""
    return int(place * 2**64)


SPEC = Holdout(validation=0.1, test=0.2, later=0.25)


@pytest.mark.parametrize(
    ("place", "name"), [(0.0, "test"), (0.199, "test"), (0.201, "validation"), (0.299, "validation"), (0.301, "train")]
)
def test_a_key_asks_for_its_split(place: float, name: str) -> None:
    assert split_of_key(key(place), SPEC) == name


@pytest.mark.parametrize(("place", "name"), [(0.25, "validation"), (0.5, "train")])
def test_a_key_on_the_border_belongs_to_what_follows(place: float, name: str) -> None:
    assert split_of_key(key(place), Holdout(validation=0.25, test=0.25)) == name


def test_a_hundredth_each_is_held_out_unless_the_recipe_says_otherwise() -> None:
    assert Holdout() == Holdout(validation=0.01, test=0.01, later=0.0, changed=False)
    assert Holdout(test=0.2, later=0.1, changed=True).shares() == {"validation": 0.01, "test": 0.2, "later": 0.1}


def test_shares_come_out() -> None:
    splits = [split_of_key(int.from_bytes(sha256(str(i).encode()).digest()[:8]), SPEC) for i in range(20_000)]
    # Standard errors are sqrt(.2 * .8 / 20000) = .0028 and .0021.
    assert splits.count("test") / 20_000 == pytest.approx(0.2, abs=0.012)
    assert splits.count("validation") / 20_000 == pytest.approx(0.1, abs=0.009)


def test_a_larger_share_keeps_what_was_held_out() -> None:
    keys = [int.from_bytes(sha256(str(i).encode()).digest()[:8]) for i in range(2_000)]
    more = SPEC.replace(test=0.3)
    assert all(split_of_key(k, more) == "test" for k in keys if split_of_key(k, SPEC) == "test")


@pytest.mark.parametrize(
    ("days", "share", "first"),
    [
        ([1, 2, 3, 4], 0.25, 4),
        ([1, 2, 3, 4], 0.5, 3),
        ([1, 2, 3, 4], 0.24, None),
        ([1, 2, 4, 4], 0.25, None),  # the last day alone is more than the share
        ([1] * 71 + [2] * 29, 0.29, 2),  # 0.29 * 100 falls short of 29 in floating point
        ([1] * 3, 0.5, None),
        ([UNDATED, UNDATED, 1, 2], 0.5, 2),
        ([-3, -2, -1, 0], 0.5, -1),  # days before 1970
    ],
)
def test_whole_days_up_to_the_share(days: list[int], share: float, first: int | None) -> None:
    assert first_later_days(np.full(len(days), NEWS), np.array(days), share).get(NEWS) == first


def test_each_source_has_its_own_last_days() -> None:
    sources, days = np.array([NEWS] * 4 + [BOOKS] * 4), np.array([201, 202, 203, 204, 11, 12, 13, UNDATED])
    assert first_later_days(sources, days, 0.34) == {NEWS: 204, BOOKS: 13}


def test_a_document_is_later_from_the_first_of_the_last_days_on() -> None:
    def later(sources: list[int], days: list[int]) -> list[bool]:
        answers: list[bool] = are_later(np.array(sources, np.int32), np.array(days, np.int32), 0.5).tolist()
        return answers

    sources = [NEWS] * 4 + [BOOKS]
    assert later(sources, [1, 2, 3, 4, 9]) == [False, False, True, True, False]
    assert later(sources, [UNDATED, 2, 3, UNDATED, UNDATED]) == [False, False, True, False, False]
    assert later([], []) == []


def settled(
    wishes: list[int], roots: list[int], heldout: dict[int, int] | None = None, trained: tuple[int, ...] = (),
    kin: tuple[int, ...] = (),
) -> list[int]:  # fmt: skip
    """``settle`` of a few documents; ``heldout``, ``trained`` and ``kin`` name those to which they apply."""
    texts = np.array([(heldout or {}).get(place, NEITHER) for place in range(len(wishes))], np.int64)
    marks = [np.isin(np.arange(len(wishes)), places) for places in (trained, kin)]
    splits = settle(np.array(wishes), np.array(roots, np.int64), texts, marks[0], lambda numbers: marks[1][numbers])
    return [int(split) for split in splits]


def test_a_cluster_goes_whole_to_the_loudest_split_that_a_member_asks_for() -> None:
    wishes = [TRAIN, TEST, VALIDATION, TRAIN, TRAIN, LATER, LATER, LATER, VALIDATION, TEST]
    roots = [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    expected = [TEST, TEST, VALIDATION, VALIDATION, TRAIN, TRAIN, LATER, LATER, TEST, TEST]
    assert settled(wishes, roots) == expected
    assert settled(wishes[::-1], roots[::-1]) == expected[::-1]


@pytest.mark.parametrize("split", [TEST, VALIDATION])
def test_kin_of_held_out_text_is_held_out_whatever_it_asks_for(split: int) -> None:
    for wish in (TEST, VALIDATION, TRAIN, LATER):
        assert settled([wish, TRAIN, TRAIN], [0, 0, 2], {1: split}) == [split, split, TRAIN]
    assert settled([TRAIN, TRAIN], [0, 0], {0: VALIDATION, 1: TEST}) == [TEST, TEST]


def test_what_was_trained_on_stays_in_training_and_so_do_its_new_copies() -> None:
    for wish in (TEST, VALIDATION, LATER):
        assert settled([TRAIN, wish, wish], [0, 0, 2], trained=(0,)) == [TRAIN, TRAIN, wish]
        assert settled([wish, wish, wish], [0, 0, 2], kin=(1,)) == [TRAIN, TRAIN, wish]


def test_only_documents_that_would_leave_training_are_looked_up() -> None:
    looked_up = list[int]()

    def kin(numbers: np.ndarray) -> np.ndarray:
        looked_up.extend(numbers.tolist())
        return np.zeros(len(numbers), bool)

    wishes, roots = np.array([TRAIN, TEST, TEST, LATER, TEST]), np.array([0, 1, 2, 3, 4])
    heldout, trained = np.array([NEITHER, TEST, NEITHER, NEITHER, NEITHER]), np.array([False] * 4 + [True])
    assert settle(wishes, roots, heldout, trained, kin).tolist() == [TRAIN, TEST, TEST, LATER, TRAIN]
    assert looked_up == [2, 3]


def test_a_new_text_between_held_out_and_trained_ones_goes_nowhere() -> None:
    wishes = [TRAIN, TRAIN, TRAIN, TEST]
    assert settled(wishes, [0] * 4, {0: VALIDATION}, trained=(1,)) == [VALIDATION, TRAIN, NEITHER, NEITHER]
    # A text that another recipe holds out is held out, trained on or not.
    assert settled(wishes, [0] * 4, {0: TEST, 1: TEST}, trained=(1,)) == [TEST, TEST, NEITHER, NEITHER]
    assert settled([TRAIN], [0], {0: TEST}, trained=(0,)) == [TEST]


def test_no_documents_at_all() -> None:
    assert settled([], []) == []


def test_shares_that_leave_nothing() -> None:
    assert Holdout(validation=0.5, test=0.39).test == 0.39
    with pytest.raises(ValidationError, match=r"add up to 0\.95"):
        Holdout(validation=0.5, test=0.3, later=0.15)
    with pytest.raises(ValidationError, match=r"add up to 0\.9,"):
        Holdout(validation=0.5, test=0.4)
