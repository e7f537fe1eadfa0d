from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.decontamination.decontaminate import Decontamination, Guard, guard
from domain.text.words import Split
from tests.corpora.decontamination.guards import decided, found, guarded, numbered


def number(protection: Guard, run: str) -> int:
    """The number of a run."""
    ((_, only),) = protection.matches(Split([run]), [0]).tolist()
    return int(only)


def test_where_a_run_stands(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 14), numbered(50, 7), numbered(1, 14))
    own, shared, short, last = (number(protection, run) for run in (
        numbered(0, 13), numbered(1, 13), numbered(50, 7), numbered(2, 13),
    ))  # fmt: skip
    assert short == 0
    assert sorted([own, shared, last]) == [1, 2, 3]
    pairs, texts, places = protection.expand(np.array([shared, short, last, shared, own]))
    assert sorted(zip(pairs.tolist(), texts.tolist(), places.tolist(), strict=True)) == [
        (0, 0, 1), (0, 2, 0), (1, 1, 0), (2, 2, 1), (3, 0, 1), (3, 2, 0), (4, 0, 0),
    ]  # fmt: skip
    assert [protection.is_shared[run] for run in (own, shared, short, last)] == [False, True, False, False]


def test_a_run_that_one_item_holds_often_is_not_shared(tmp_path: Path) -> None:
    rows = [("quiz", 0, f"{numbered(0, 13)} x {numbered(0, 13)}"), ("quiz", 0, numbered(0, 13))]
    assert not guarded(tmp_path, *rows).is_shared.any()
    protection = guarded(tmp_path, *rows, ("quiz", 1, numbered(0, 13)))
    assert np.flatnonzero(protection.is_shared).tolist() == [number(protection, numbered(0, 13))]


def test_tasks_of_an_item(tmp_path: Path) -> None:
    rows = [("quiz", 4, numbered(0, 13)), ("exam", 7, numbered(0, 13)), ("quiz", 5, "too short")]
    protection = guarded(tmp_path, *rows)
    assert protection.tasks_of_item == {0: {"quiz", "exam"}, 1: {"quiz"}}
    assert protection.short_items == [1]


def test_a_guard_is_made_once(tmp_path: Path) -> None:
    path, spec = guarded(tmp_path, numbered(0, 13)).texts.path, Decontamination()
    assert guard(path, spec) is guard(path, spec)
    assert guard(path, spec).spec == spec


@pytest.mark.parametrize("shared", range(5, 20))
def test_a_shared_run_of_13_words_is_too_much(tmp_path: Path, shared: int) -> None:
    protection = guarded(tmp_path, numbered(0, 30))
    document = f"{numbered(100, 20)} {numbered(7, shared)} {numbered(200, 20)}"
    assert found(protection, document) == ([0] if shared >= 13 else [])


def test_every_place_in_the_protected_text_counts(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 30))
    texts = [f"x {numbered(start, 13)} y" for start in range(30 - 13 + 1)]
    assert found(protection, *texts) == list(range(len(texts)))


@pytest.mark.parametrize("length", range(3, 14))
def test_short_texts_count_whole_from_6_words_on(tmp_path: Path, length: int) -> None:
    protection = guarded(tmp_path, numbered(0, length))
    whole = f"a b {numbered(0, length)} c"
    assert found(protection, whole, f"a b {numbered(0, length - 1)} c") == ([0] if length >= 6 else [])
    assert protection.short_items == ([0] if length < 6 else [])


def test_no_run_crosses_from_one_document_to_the_next(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 20), numbered(50, 7))
    assert found(protection, numbered(0, 10), numbered(10, 10), numbered(50, 4), numbered(54, 3)) == []
    assert found(protection, numbered(0, 10), numbered(0, 13), numbered(50, 7)) == [1, 2]


def test_a_long_document_is_matched_over_every_edge(tmp_path: Path) -> None:
    # Words are split 131,072 characters at a time, and texts are judged in batches; no run may fall between.
    protection = guarded(tmp_path, numbered(0, 13))
    for filler in range(26_180, 26_230):
        assert found(protection, f"{'abcd ' * filler}{numbered(0, 13)} end") == [0]


@pytest.mark.parametrize("seed", range(4))
def test_finds_are_those_of_strings(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    words = [f"w{i}" for i in range(3)]
    protected = [" ".join(chance.choices(words, k=chance.randrange(4, 20))) for _ in range(12)]
    texts = [" ".join(chance.choices(words, k=chance.randrange(60))) for _ in range(60)]
    expected = []
    for text in texts:
        runs = set()
        for item in protected:
            split = item.split()
            length = min(13, len(split))
            if length >= 6:
                runs |= {" ".join(split[i : i + length]) for i in range(len(split) - length + 1)}
        expected.append(sum(f" {run} " in f" {text} " for run in runs))
    finds = guarded(tmp_path, *protected).matches(Split(texts), range(len(texts)))
    assert np.bincount(finds[:, 0], minlength=len(texts)).tolist() == expected
    assert sum(expected) > 0


def test_case_signs_and_the_form_of_line_ends_do_not_matter(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 20).replace(" ", "\r\n"), numbered(50, 9))
    assert decided(protection, numbered(50, 9).upper().replace(" ", ", "), numbered(0, 14)).dropped == {
        0: "task1", 1: "task0",
    }  # fmt: skip


def test_protected_words_are_spelled_as_documents_are(tmp_path: Path) -> None:
    protection = guarded(tmp_path, f"{numbered(0, 11)} cafe\u0301 \ufb01nance")  # a combining accent, a ligature
    assert found(protection, f"{numbered(0, 11)} caf\u00e9 finance") == [0]


def test_nothing_to_protect_and_nothing_to_judge(tmp_path: Path) -> None:
    assert found(guarded(tmp_path), numbered(0, 50)) == []
    protection = guarded(tmp_path, numbered(0, 20))
    assert found(protection) == []
    assert found(protection, "", "a", "") == []
    assert decided(protection, "").dropped == {}


def test_a_text_of_one_word_more_than_a_run_is_two_runs(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 14))
    assert len(protection.matches(Split([f"x {numbered(0, 14)} y"]), [0])) == 2


class Likely:
    """A table of bits that clears no place."""

    def hold(self, hashes: np.ndarray) -> np.ndarray:
        return np.ones(len(hashes), np.uint8)


def test_a_table_that_clears_nothing_changes_nothing(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 30), numbered(50, 7))
    texts = [f"x{i} {numbered(3, 12 + i % 2)} {numbered(300 + 20 * i, 20)}" for i in range(60)]
    before = protection.matches(Split(texts), range(60)).tolist()
    assert len(before) == 30
    protection.prefixes = protection.runs = Likely()  # type: ignore[assignment]
    assert protection.matches(Split(texts), range(60)).tolist() == before


def test_runs_are_numbered_from_zero(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 7), numbered(50, 13))
    texts = [f"{numbered(50, 13)} x", f"{numbered(0, 7)} x"]
    assert protection.matches(Split(texts), [3, 8]).tolist() == [[3, 1], [8, 0]]
    protection = guarded(tmp_path, numbered(0, 112))
    assert protection.matches(Split([numbered(0, 112)]), [2**20]).tolist() == [[2**20, run] for run in range(100)]


def test_runs_of_thirteen_and_whole_texts_from_six_unless_the_recipe_says_otherwise() -> None:
    stated = {"words": 13, "min_words": 6, "common": 0.001, "on_match": "drop", "max_share": 0.01}
    assert Decontamination().model_dump() == stated


@pytest.mark.parametrize(("name", "least"), [("words", 2), ("min_words", 2)])
def test_bounds_of_the_settings(name: str, least: int) -> None:
    settings = {"min_words": 2}
    assert getattr(Decontamination.model_validate({**settings, name: least}), name) == least
    with pytest.raises(ValueError, match=f"greater than or equal to {least}"):
        Decontamination.model_validate({**settings, name: least - 1})


def test_lengths_must_be_in_order() -> None:
    assert Decontamination(words=6).words == 6
    with pytest.raises(ValueError, match="min_words is 6, words 5; lower min_words"):
        Decontamination(words=5)


@pytest.mark.parametrize(("field", "least", "most"), [("words", 6, 1_000), ("min_words", 2, 13)])
def test_settings_have_bounds(field: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(Decontamination.model_validate({field: value}), field) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=field):
            Decontamination.model_validate({field: value})


def test_lengths_have_bounds_of_their_own() -> None:
    assert Decontamination(words=1_000, min_words=1_000).min_words == 1_000
    assert Decontamination(words=2, min_words=2).words == 2
    for words, min_words in ((1_001, 1_000), (1_001, 1_001), (2, 1), (1, 1)):
        with pytest.raises(ValidationError, match="than or equal to"):
            Decontamination(words=words, min_words=min_words)
    with pytest.raises(ValidationError) as both:
        Decontamination.model_validate({"words": 1_001, "min_words": 1_001})
    assert both.value.error_count() == 2
