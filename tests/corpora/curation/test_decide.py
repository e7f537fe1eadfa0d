"""What is decided on each document: columns made by hand, and outcomes thought out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.curation import decide as module
from corpora.curation.decide import clusters_of
from corpora.curation.decisions import CONTAMINATED, EXACT, EXACT_AGAIN, KIN, NEAR, NEAR_AGAIN, STAYS
from corpora.dedup import Exact, Near, Passages
from corpora.dedup.index import GONE
from corpora.heldout.holdout import LATER, NEITHER, TEST, TRAIN, VALIDATION, Holdout
from domain.errors import UserError
from domain.text.words import Split
from tests.corpora.curation.decided import Text, Weeks
from tests.corpora.decontamination.guards import guarded, numbered


@pytest.fixture
def weeks(tmp_path: Path) -> Weeks:
    return Weeks(tmp_path)


def test_of_equal_and_near_texts_the_first_stays(weeks: Weeks) -> None:
    texts = (
        Text("b", 1, date="2020-01-02"), Text("a", 1, date="2020-01-01"), Text("far", 2),
        Text("near", 3, (5,), date="2020-01-01"), Text("nearer", 4, (5,), date="2020-01-02"),
        Text("general", 1, part="general", source="web"),
    )  # fmt: skip
    made = weeks.week(*texts)
    assert made.reasons == {"a": STAYS, "b": EXACT, "far": STAYS, "near": STAYS, "nearer": NEAR, "general": EXACT}
    assert made.by_name(made.decisions.of) == {"b": 1, "a": 1, "far": 2, "near": 3, "nearer": 3, "general": 1}
    assert made.decisions.before == 0
    assert set(made.outcomes.values()) == {TRAIN}
    assert not made.decisions.edited.any()
    assert made.decisions.facts == {"tasks": {}, "let_be": {"runs": 0, "items": 0, "documents": 0, "largest": []}}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((Exact(), Near()), {"a": STAYS, "equal": EXACT, "near": NEAR}),
        ((Exact(),), {"a": STAYS, "equal": EXACT, "near": STAYS}),
        ((Near(),), {"a": STAYS, "equal": NEAR, "near": NEAR}),
        ((), {"a": STAYS, "equal": STAYS, "near": STAYS}),
    ],
)
def test_only_the_steps_that_are_asked_for_drop(
    weeks: Weeks, steps: tuple[Exact | Near, ...], expected: object
) -> None:
    days = (f"2020-01-0{day}" for day in range(1, 4))
    texts = (Text("a", 1, (5,), date=next(days)), Text("equal", 1, (5,), date=next(days)), Text("near", 2, (5,)))
    made = weeks.week(*texts, steps=steps)
    assert made.reasons == expected
    assert set(made.outcomes.values()) == {TRAIN}


def test_near_texts_of_a_source_that_keeps_them_are_one_cluster(weeks: Weeks) -> None:
    texts = [Text(name, number, (5,), source=name) for number, name in enumerate(("calls", "letters", "news"))]
    first = Text("first", 1, (5,), source="letters", date="2020-01-01")
    made = weeks.week(*texts, first, keep_near=["letters"])
    assert made.reasons == {"calls": STAYS, "letters": EXACT, "news": NEAR, "first": STAYS}
    assert made.by_name(made.decisions.of) == {"calls": 0, "letters": 3, "news": 0, "first": 0}


def test_what_a_filter_dropped_takes_no_part_but_votes(weeks: Weeks) -> None:
    texts = (
        Text("dropped", 1, (5,), asks="test", passed=False, date="2020-01-01"), Text("kin", 2, (5,)),
        Text("alone", 3, asks="validation"), Text("other", 4),
    )  # fmt: skip
    made = weeks.week(*texts)
    assert made.outcomes == {"dropped": TEST, "kin": TEST, "alone": VALIDATION, "other": TRAIN}
    assert {name: made.reasons[name] for name in ("kin", "alone", "other")} == dict.fromkeys(
        ("kin", "alone", "other"), STAYS
    )


def test_a_cluster_is_of_texts_before_and_after_the_filters(weeks: Weeks) -> None:
    texts = (
        Text("first", 1, (5,), asks="test", date="2020-01-01"), Text("raw", 2, (5,), filtered=(20, (6,))),
        Text("after", 3, (7,), filtered=(30, (6,))), Text("alone", 4, (8,), filtered=(40, (9,))),
    )  # fmt: skip
    made = weeks.week(*texts)
    assert made.outcomes == {"first": TEST, "raw": TEST, "after": TEST, "alone": TRAIN}
    # What is a duplicate is decided after the filters: "raw" and "first" no longer share a band.
    assert sorted(made.reasons[name] for name in ("raw", "after")) == [STAYS, NEAR]
    assert made.reasons["first"] == STAYS


def test_contaminated_text_goes_and_takes_no_copy_along(weeks: Weeks, tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 6)))
    texts = (
        Text("asks", 1, (5,), runs=(0,), date="2020-01-01"), Text("near", 2, (5,)), Text("dropped", 3, passed=False),
        Text("clean", 4),
    )  # fmt: skip
    made = weeks.week(*texts, guard=guard)
    assert made.reasons | {"dropped": STAYS} == {
        "asks": CONTAMINATED, "near": STAYS, "dropped": STAYS, "clean": STAYS,
    }  # fmt: skip
    assert made.decisions.tasks == {0: "quiz"}
    assert made.decisions.facts["tasks"]["quiz"]["documents"] == 1
    assert weeks.index.ids(np.arange(len(weeks.index)))[0:] == ["near", "clean"]


@pytest.mark.parametrize("source", ["calls", "news"])
def test_the_share_of_a_source_that_is_contaminated_is_of_what_passed_the_filters(tmp_path: Path, source: str) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 6)), max_share=0.5)
    others = [Text("other", 30), Text("new", 31, source="news")]
    dropped = [Text(f"dropped{number}", 10 + number, passed=False) for number in range(5)]
    asking = [Text(f"asks{number}", number, runs=(0,), source=source) for number in range(3)]
    clean = [Text(f"clean{number}", 20 + number, source=source) for number in range(2)]
    Weeks(tmp_path / "half").week(*others, *dropped, *asking, *clean, guard=guard)
    with pytest.raises(UserError, match="3 of 5 documents"):
        Weeks(tmp_path / "most").week(*others, *dropped, *asking, clean[0], guard=guard)


def test_copies_of_a_contaminated_text_count_once(weeks: Weeks, tmp_path: Path) -> None:
    """30 of 100 words are let be where more than 10 documents hold them: clusters, not copies."""
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)), common=0.0)
    runs = tuple(guard.matches(Split([numbered(0, 30)]), [0])[:, 1].tolist())
    for bands, expected in ((range(1, 15), STAYS), ([5] * 14, CONTAMINATED)):
        texts = [
            Text(f"d{number}", 50 + number, (14 * band + 1,), runs=runs, date=f"2020-01-{number + 1:02}")
            for number, band in enumerate(bands)
        ]
        made = Weeks(tmp_path / str(expected)).week(*texts, guard=guard, steps=())
        assert set(made.reasons.values()) == {expected}


def test_clusters_are_named_by_their_first_document(weeks: Weeks) -> None:
    chain = (Text("a", 1, (16,)), Text("b", 2, (16, 15)), Text("c", 3, (15, 14)), Text("d", 4, (14,)), Text("e", 5))
    candidates = weeks.week(*chain).candidates
    assert clusters_of(candidates.all_buckets, 5).tolist() == [0, 0, 0, 0, 4]


def test_later_is_by_source_and_only_where_all_of_a_cluster_is(weeks: Weeks) -> None:
    holdout = Holdout(test=0.1, validation=0.1, later=0.5)
    texts = (
        Text("old", 1, date="2020-01-01"), Text("new", 2, date="2020-01-02"), Text("undated", 3),
        Text("same", 5, (5,), date="2020-01-01"), Text("repeats", 6, (5,), date="2020-01-02"),
        Text("other", 7, date="2019-01-01", source="news"), Text("latest", 8, date="2019-01-02", source="news"),
    )  # fmt: skip
    made = weeks.week(*texts, holdout=holdout)
    assert made.outcomes == {
        "old": TRAIN, "new": LATER, "undated": TRAIN, "same": TRAIN, "repeats": TRAIN, "other": TRAIN, "latest": LATER,
    }  # fmt: skip
    remembered = weeks.index.ids(np.arange(len(weeks.index)))
    assert sorted(remembered) == ["old", "other", "repeats", "same", "undated"]  # what is later comes again


def test_what_is_remembered_is_not_later(weeks: Weeks) -> None:
    holdout = Holdout(test=0, validation=0, later=0.5)
    first = (Text("a", 1, date="2020-01-01"), Text("b", 2, date="2020-01-02"))
    assert weeks.week(*first).reasons == {"a": STAYS, "b": STAYS}
    made = weeks.week(*first, Text("c", 3, date="2020-01-03"), Text("d", 4, date="2020-01-04"), holdout=holdout)
    assert made.reasons == {"a": EXACT_AGAIN, "b": EXACT_AGAIN, "c": STAYS, "d": STAYS}
    assert made.outcomes == {"a": TRAIN, "b": TRAIN, "c": TRAIN, "d": LATER}


def test_repeats_of_an_earlier_corpus_are_told_apart(weeks: Weeks) -> None:
    a, b, c = (Text(name, number, (number,), date=f"2020-01-0{number}") for number, name in enumerate("abc", 1))
    weeks.week(a, b, c)
    made = weeks.week(
        a, Text("copy", 1, (1,)), Text("b", 20, (2,), date="2020-01-02"), Text("near b", 21, (2,)), Text("new", 9), c,
    )  # fmt: skip
    assert made.decisions.before == 3
    assert made.reasons == {
        "a": EXACT_AGAIN, "copy": EXACT, "b": STAYS, "near b": NEAR, "new": STAYS, "c": EXACT_AGAIN,
    }  # fmt: skip
    assert made.by_name(made.decisions.edited) == {
        "a": False, "copy": False, "b": True, "near b": False, "new": False, "c": False,
    }  # fmt: skip
    assert made.by_name(made.decisions.of) == {"a": 0, "copy": 0, "b": 1, "near b": 1, "new": 7, "c": 2}
    assert len(weeks.index) == 6  # b in its new version, the text near it, and what is new
    settled = weeks.week(Text("b", 22, (2,)), Text("later", 10), settled=["b"])
    assert settled.reasons == {"b": NEAR_AGAIN, "later": STAYS}


@pytest.mark.parametrize(("asks", "split"), [("test", TEST), ("validation", VALIDATION), ("train", TRAIN)])
def test_a_new_text_follows_its_remembered_cluster(weeks: Weeks, asks: str, split: int) -> None:
    other = "train" if asks != "train" else "test"
    weeks.week(Text("a", 1, (5,), asks=asks), Text("b", 2, (7,), asks="test"), steps=())
    made = weeks.week(
        Text("near", 10, (5,), asks=other), Text("with it", 11, (6,), asks=other, filtered=(12, (5, 6))),
        Text("new", 13, asks=other), steps=(),
    )  # fmt: skip
    own = TRAIN if other == "train" else TEST
    assert made.outcomes == {"near": split, "with it": split, "new": own}


def test_text_near_two_held_out_ones_is_in_test(weeks: Weeks) -> None:
    made = weeks.week(
        Text("v", 1, (5,), asks="validation"), Text("t", 2, (6,), asks="test"), Text("both", 3, (5, 6)), steps=()
    )
    assert set(made.outcomes.values()) == {TEST}
    weeks = Weeks(weeks.folder / "more")
    weeks.week(Text("v", 1, (5,), asks="validation"), steps=())
    assert weeks.week(Text("kin", 3, (5,)), held_out={"kin": TEST}, steps=()).outcomes == {"kin": TEST}
    weeks = Weeks(weeks.folder / "again")
    weeks.week(Text("t", 1, (5,), asks="test"), steps=())
    assert weeks.week(Text("kin", 3, (5,)), held_out={"kin": VALIDATION}, steps=()).outcomes == {"kin": TEST}


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_all_that_repeats_remembered_text_follows_it(
    weeks: Weeks, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also what shares no band with one another, but with one remembered text."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    old = [Text(f"t{number}", number, (number,), asks="test") for number in range(1, 5)]
    weeks.week(*old, Text("v", 10, (5, 6), asks="validation"), Text("a", 11, (7,)), steps=())
    made = weeks.week(
        *(Text(f"n{number}", 20 + number, (number,)) for number in range(1, 5)),
        Text("first", 30, (5,)), Text("second", 31, (6, 8)), Text("third", 32, (8,)),
        Text("near a", 40, (7, 9)), Text("nearly", 41, (9,)),
        held_out={"first": TEST}, steps=(),
    )  # fmt: skip
    assert made.outcomes == {
        **dict.fromkeys(("n1", "n2", "n3", "n4", "first", "second", "third"), TEST), "near a": TRAIN, "nearly": TRAIN,
    }  # fmt: skip


def test_held_out_text_comes_first_and_text_between_goes(weeks: Weeks) -> None:
    texts = (
        Text("copy", 1, (5,), date="1990-01-01"), Text("frozen", 2, (5,), asks="test", date="2020-01-01"),
        Text("trained", 3, (6,)), Text("held", 4, (7,), asks="test"), Text("between", 5, (6, 7)),
    )  # fmt: skip
    made = weeks.week(*texts, held_out={"frozen": TEST, "held": VALIDATION}, trained=["trained"], steps=())
    assert made.outcomes == {"copy": TEST, "frozen": TEST, "trained": TRAIN, "held": VALIDATION, "between": NEITHER}
    assert made.reasons == {"copy": STAYS, "frozen": STAYS, "trained": STAYS, "held": STAYS, "between": KIN}
    numbers = np.arange(len(texts))
    remembered = dict(zip(weeks.index.ids(numbers), weeks.index.splits(numbers).tolist(), strict=True))
    assert remembered == {"copy": TEST, "frozen": TEST, "trained": TRAIN, "held": VALIDATION, "between": GONE}
    again = Weeks(weeks.folder / "near").week(*texts[:2], held_out={"frozen": TEST})
    assert again.reasons == {"copy": NEAR, "frozen": STAYS}


def test_paragraphs_of_texts_that_stay_are_cut(weeks: Weeks, monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = 7, 2**63 + 7
    texts = (
        Text("a", 1, date="2020-01-01", paragraphs=(low, high)),
        Text("b", 2, date="2020-01-02", paragraphs=(low, high)),
        Text("equal", 1, paragraphs=(9,)), Text("c", 3, paragraphs=(9,)),
    )  # fmt: skip
    for largest, ranges in ((module.LARGEST_RANGE, 1), (7, 1), (6, 2), (3, 4), (1, 8)):
        monkeypatch.setattr(module, "LARGEST_RANGE", largest)
        steps = (Exact(), Near(), Passages())
        made = Weeks(weeks.folder / str(largest)).week(*texts, steps=steps)
        parts = list(made.decisions.twice)
        assert len(parts) == ranges
        assert np.concatenate(parts).tolist() == [[low, 0], [high, 0]]
    assert list(weeks.week(*texts).decisions.twice) == []
