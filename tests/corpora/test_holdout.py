from __future__ import annotations

from hashlib import sha256

import pytest
from pydantic import ValidationError

from corpora.holdout import Holdout, first_later_days, split, split_of_key

NEWS, BOOKS = ("domain", "news"), ("general", "books")


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
    assert Holdout() == Holdout(validation=0.01, test=0.01, later=0.0)


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
        (["01", "02", "03", "04"], 0.25, "04"),
        (["01", "02", "03", "04"], 0.5, "03"),
        (["01", "02", "03", "04"], 0.24, None),
        (["01", "02", "04", "04"], 0.25, None),  # the last day alone is more than the share
        (["01"] * 71 + ["02"] * 29, 0.29, "02"),  # 0.29 * 100 falls short of 29 in floating point
        (["01"] * 3, 0.5, None),
        ([None, None, "01", "02"], 0.5, "02"),
    ],
)
def test_whole_days_up_to_the_share(days: list[str | None], share: float, first: str | None) -> None:
    assert first_later_days([NEWS] * len(days), days, share).get(NEWS) == first


def test_each_source_has_its_own_last_days() -> None:
    sources, days = [NEWS] * 4 + [BOOKS] * 4, ["2024-01", "2024-02", "2024-03", "2024-04", "1801", "1802", "1803", None]
    assert first_later_days(sources, days, 0.34) == {NEWS: "2024-04", BOOKS: "1803"}


def test_a_cluster_goes_whole() -> None:
    keys = [key(0.9), key(0.05), key(0.25), key(0.9), key(0.9), key(0.9), key(0.9), key(0.05)]
    days = ["1", "2", "3", "4", "5", "6", "7", "8"]
    roots = [0, 0, 2, 2, 4, 4, 6, 7]
    # Days 7 and 8 are the last quarter. A member that asks for test takes its cluster there.
    assert split(keys, [NEWS] * 8, days, roots, SPEC) == [
        "test", "test", "validation", "validation", "train", "train", "later", "later",
    ]  # fmt: skip


@pytest.mark.parametrize("places", [(0.05, 0.25, 0.9), (0.9, 0.25, 0.05)])
def test_test_comes_before_validation_and_that_before_training(places: tuple[float, ...]) -> None:
    keys = [key(place) for place in places]
    assert split(keys, [NEWS] * 3, [None] * 3, [0] * 3, SPEC) == ["test"] * 3
    assert (
        split(keys[:2], [NEWS] * 2, [None] * 2, [0] * 2, SPEC) == ["test" if 0.05 in places[:2] else "validation"] * 2
    )


def test_a_text_without_a_date_is_never_later() -> None:
    assert split([key(0.9)] * 5, [NEWS] * 5, ["1", "2", "3", "4", None], range(5), SPEC) == [
        "train", "train", "train", "later", "train",
    ]  # fmt: skip


def test_what_repeats_an_older_text_is_no_news() -> None:
    keys, days = [key(0.9)] * 4, ["1", "2", "3", "4"]
    assert split(keys, [NEWS] * 4, days, [0, 1, 2, 0], SPEC) == ["train"] * 4
    assert split(keys, [NEWS] * 4, days, [0, 1, 2, 3], SPEC) == ["train"] * 3 + ["later"]
    assert split(keys, [NEWS] * 4, days, [0, 1, 2, 3], SPEC.replace(later=0)) == ["train"] * 4


def test_shares_that_leave_nothing() -> None:
    assert Holdout(validation=0.5, test=0.39).test == 0.39
    with pytest.raises(ValidationError, match=r"add up to 0\.95"):
        Holdout(validation=0.5, test=0.3, later=0.15)
    with pytest.raises(ValidationError, match=r"add up to 0\.9,"):
        Holdout(validation=0.5, test=0.4)
