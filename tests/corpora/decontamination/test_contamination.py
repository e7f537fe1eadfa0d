"""A whole question is never let be, however often it stands in the corpus; what many share without holding one is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.decontamination import contamination
from corpora.decontamination.contamination import RunMatches, decide, levels
from domain.text.words import Split
from tests.corpora.decontamination.guards import HERE, decided, guarded, numbered, pages

LONG = [("quiz", 0, numbered(0, 6)), ("quiz", 1, numbered(100, 115))]  # six words, and 115


@pytest.mark.parametrize(
    ("passages", "expected"),
    [
        (((100, 22),), [0] * 10),  # 22 of 115 words are less than a fifth,
        (((100, 23),), [1] * 11),  # and 23 are one
        (((0, 6), (100, 13), (109, 13)), [3, 0, 0]),  # 9 + 13 words: each counts once, though both runs hold it
        (((0, 6), (100, 13), (110, 13)), [3, 1, 1]),
        (((0, 6), (100, 13), (202, 13)), [3, 1, 1]),  # 26 words: what lies between does not count
        (((0, 5), (100, 13)), [0]),
    ],
)
def test_how_much_of_a_text_a_document_holds(
    tmp_path: Path, passages: tuple[tuple[int, int], ...], expected: list[int]
) -> None:
    guard = guarded(tmp_path, *LONG)
    text = " x ".join(numbered(first, count) for first, count in passages)
    assert levels(guard, RunMatches(guard.matches(Split([text]), [0]))).tolist() == expected


def test_a_run_counts_by_the_text_that_the_document_holds_most_of(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)), ("quiz", 1, numbered(0, 13)), ("quiz", 2, numbered(0, 20)))
    for text, expected in ((numbered(0, 13), [3]), (numbered(1, 13), [2]), (numbered(30, 13), [0])):
        assert levels(guard, RunMatches(guard.matches(Split([text]), [0]))).tolist() == expected


def test_little_of_a_form_stays_little(tmp_path: Path) -> None:
    """A text that three items have in common counts as held for the most part at best, and else by what is held."""
    rows = [
        ("quiz", i, text)
        for i in range(3)
        for text in (numbered(0, 100), f"{numbered(0, 100)} {numbered(500 * i + 500, 50)}")
    ]
    guard = guarded(tmp_path, *rows)
    for words, expected in ((19, 0), (30, 1), (100, 2)):
        finds = guard.matches(Split([numbered(0, words)]), [0])
        assert set(levels(guard, RunMatches(finds)).tolist()) == {expected}


def test_parts_are_neighbouring_classes_of_no_more_places_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    matches = RunMatches(np.stack((np.arange(5), np.arange(5)), axis=1))  # five documents with a run each
    monkeypatch.setattr(contamination, "AT_ONCE", 7)
    for weights, expected in (
        ([3, 4, 1, 9, 2], [(0, 2), (2, 3), (3, 4), (4, 5)]),
        ([3, 5, 2, 1, 1], [(0, 1), (1, 3), (3, 5)]),
    ):
        assert [(part.start, part.stop) for part in matches.parts(np.array(weights))] == expected


@pytest.mark.parametrize("other", ["quiz", "exam"])
def test_a_question_that_two_items_share_whole_is_one_item(tmp_path: Path, other: str) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 20)), (other, 7, numbered(0, 20)))
    answer = decided(guard, *pages(numbered(0, 20), 50))
    assert len(answer.dropped) == 50
    assert set(answer.dropped.values()) == {"quiz" if other == "quiz" else "exam, quiz"}


def test_a_question_with_its_choices_and_alone(tmp_path: Path) -> None:
    """An item's texts share its question; that does not make the question boilerplate."""
    question = numbered(0, 20)
    rows = [("quiz", 0, question), *(("quiz", 0, f"{question} choice {i}") for i in range(4))]
    answer = decided(guarded(tmp_path, *rows), *pages(question, 50), *pages(f"{question} choice 2", 50))
    assert len(answer.dropped) == 100
    assert answer.facts["tasks"]["quiz"]["found"] == 1


@pytest.mark.parametrize(("edit", "hit"), [(16, True), (0, True), (31, True), (None, True)])
def test_an_item_with_one_word_changed_is_whole(tmp_path: Path, edit: int | None, hit: bool) -> None:
    """By its words that stand in shared runs: 31 of 32, and not by runs, of which 13 of 20 are broken."""
    words = numbered(0, 32).split()
    if edit is not None:
        words[edit] = "other"
    answer = decided(guarded(tmp_path, ("quiz", 0, numbered(0, 32))), *pages(" ".join(words), 50))
    assert (len(answer.dropped) == 50) == hit


@pytest.mark.parametrize(("words", "hit"), [(49, False), (50, True), (79, True), (80, True)])
def test_less_than_half_of_an_item_is_let_be_where_it_is_common(tmp_path: Path, words: int, hit: bool) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    assert len(decided(guard, *pages(numbered(0, words), 10)).dropped) == 10
    answer = decided(guard, *pages(numbered(0, words), 11))
    assert len(answer.dropped) == (11 if hit else 0)
    if not hit:
        passage = numbered(0, 13)
        largest = [{"item": "quiz 0", "documents": 11, "passage": passage}]
        assert answer.facts["let_be"] == {"runs": 37, "items": 1, "documents": 11, "largest": largest}
        assert answer.facts["tasks"]["quiz"]["documents"] == 0


@pytest.mark.parametrize(("words", "hit"), [(19, False), (20, True)])
def test_less_than_a_fifth_of_an_item_is_let_be_and_named(tmp_path: Path, words: int, hit: bool) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    answer = decided(guard, *pages(numbered(30, words), 2))
    assert len(answer.dropped) == (2 if hit else 0)
    largest = [] if hit else [{"item": "quiz 0", "documents": 2, "passage": numbered(30, 13)}]
    assert answer.facts["let_be"]["largest"] == largest


@pytest.mark.parametrize(("words", "hit"), [(79, False), (80, True)])
def test_what_items_share_is_let_be_up_to_four_fifths_of_one(tmp_path: Path, words: int, hit: bool) -> None:
    guard = guarded(tmp_path, *(("quiz", i, f"{numbered(0, 80)} {numbered(1000 * (i + 1), 20)}") for i in range(2)))
    assert len(decided(guard, *pages(numbered(0, words), 11)).dropped) == (11 if hit else 0)
    assert len(decided(guard, *pages(numbered(0, words), 10)).dropped) == 10


def test_common_is_a_share_of_the_corpus_and_more_than_ten(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    for copies, others, hit in ((11, 10_989, True), (11, 10_988, False), (12, 11_988, True), (12, 11_987, False)):
        assert bool(decided(guard, *pages(numbered(5, 20), copies), others=others).dropped) == hit
    half = guarded(tmp_path, ("quiz", 0, numbered(0, 100)), common=0.5)
    assert len(decided(half, *pages(numbered(5, 20), 20), others=20).dropped) == 20
    assert len(decided(half, *pages(numbered(5, 20), 20), others=19).dropped) == 0
    texts = pages(numbered(5, 20), 20)
    finds = half.matches(Split(texts), range(20))
    for counting, dropped in ((20, 20), (19, 0)):  # documents that do not count make no difference
        places = np.array([0] * (20 + counting) + [-1] * 20)
        assert len(decide(half, finds, places, [HERE]).dropped) == dropped


def test_copies_of_the_item_do_not_make_what_quotes_it_boilerplate(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    texts = [*pages(numbered(0, 100), 50), *pages(numbered(0, 30), 10, "q")]
    assert len(decided(guard, *texts).dropped) == 60
    assert len(decided(guard, *texts, *pages(numbered(0, 30), 1, "r")).dropped) == 50


def test_near_copies_count_once(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    clusters = np.arange(11)
    assert len(decided(guard, *pages(numbered(0, 30), 11), clusters=clusters).dropped) == 0
    clusters[1] = 0
    assert len(decided(guard, *pages(numbered(0, 30), 11), clusters=clusters).dropped) == 11


FORM = "which one of the following statements is true"


@pytest.mark.parametrize(("items", "dropped"), [(1, 11), (2, 11), (3, 0)])
def test_a_form_that_three_items_begin_with_is_none_of_them(tmp_path: Path, items: int, dropped: int) -> None:
    rows = [
        ("quiz", item, text)
        for item in range(items)
        for text in (FORM, f"{FORM} {numbered(100 * item, 8)}", f"{FORM} {numbered(100 * item + 50, 8)}")
    ]
    guard = guarded(tmp_path, *rows)
    assert len(decided(guard, *pages(FORM, 10)).dropped) == 10
    assert len(decided(guard, *pages(FORM, 11)).dropped) == dropped
    assert len(decided(guard, *pages(f"{FORM} {numbered(0, 8)}", 50)).dropped) == 50


def test_every_run_is_named_once_in_what_is_cut(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)), ("exam", 0, numbered(500, 14)), on_match="cut")
    texts = [f"{page} {numbered(500, 14)}" for page in pages(numbered(0, 30), 11)]
    answer = decided(guard, *texts)
    assert answer.dropped == {}
    assert answer.cut.keys() == set(range(11))
    assert {len(runs) for runs in answer.cut.values()} == {2}
    assert answer.facts["let_be"]["items"] == 1
    assert answer.facts["let_be"]["documents"] == 0  # they are cut all the same


def test_any_order_and_any_division_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("quiz", i, f"{numbered(0, 30)} {numbered(100 * (i + 1), 20)}") for i in range(5)]
    guard = guarded(tmp_path, *rows)
    texts = [
        *pages(numbered(0, 30), 20),
        *pages(f"{numbered(0, 30)} {numbered(300, 20)}", 20),
        *pages(numbered(3, 15), 3),
    ]
    finds = guard.matches(Split(texts), range(len(texts)))
    before = decide(guard, finds, np.zeros(100, int), [HERE])
    assert before.dropped.keys() == set(range(20, 40))
    assert decide(guard, np.concatenate((finds[::-1], finds)), np.zeros(100, int), [HERE]) == before
    for at_once in (1, 7, 100):
        monkeypatch.setattr(contamination, "AT_ONCE", at_once)
        assert decide(guard, finds, np.zeros(100, int), [HERE]) == before


def test_documents_with_the_same_runs_are_one_class(tmp_path: Path) -> None:
    guard = guarded(tmp_path, ("quiz", 0, numbered(0, 100)))
    texts = [*pages(numbered(0, 30), 1_000), *pages(numbered(1, 30), 1_000)]
    matches = RunMatches(guard.matches(Split(texts), range(2_000)))
    assert matches.sizes.tolist() == [18, 18]
    assert [len(set(part.tolist())) for part in (matches.class_of[:1000], matches.class_of[1000:])] == [1, 1]
    assert [s.stop - s.start for s in matches.parts(np.ones(36, np.int64))] == [36]


def test_nothing_matched_and_nothing_protected(tmp_path: Path) -> None:
    none = {"runs": 0, "items": 0, "documents": 0, "largest": []}
    answer = decided(guarded(tmp_path, ("quiz", 0, numbered(0, 20))), "innocent", "")
    assert (answer.dropped, answer.cut, answer.facts["let_be"]) == ({}, {}, none)
    assert decided(guarded(tmp_path), "innocent").facts == {"tasks": {}, "let_be": none}


ITEMS = {
    "a question of 32 words": numbered(0, 32),
    "one of a run": numbered(0, 13),
    "one of fewer words than a run": numbered(0, 12),
    "the shortest": numbered(0, 6),
    "a long context": numbered(0, 400),
}


@pytest.mark.parametrize("copies", [1, 11, 50])
@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
@pytest.mark.parametrize("others", [0, 3_000])
def test_a_whole_item_is_never_let_be(tmp_path: Path, item: str, copies: int, others: int) -> None:
    guard = guarded(tmp_path, ("quiz", 0, item), ("quiz", 1, numbered(1000, 20)))
    answer = decided(guard, *pages(item, copies), others=others)
    assert answer.dropped == dict.fromkeys(range(copies), "quiz")
    assert answer.facts["tasks"] == {"quiz": {"items": 2, "too_short": 0, "found": 1, "documents": copies}}
    assert answer.facts["let_be"] == {"runs": 0, "items": 0, "documents": 0, "largest": []}
