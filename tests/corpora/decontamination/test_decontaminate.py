from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.decontamination.contamination import Contamination, decide
from corpora.decontamination.decontaminate import Decontamination, Guard, guard
from corpora.document import clean
from domain.errors import UserError
from domain.text.words import Split

HERE = ("domain", "calls")


def guarded(folder: Path, *texts: str, **settings: object) -> Guard:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"task": f"task{i}", "text": t}) + "\n" for i, t in enumerate(texts)))
    return Guard(path, Decontamination.model_validate(settings))


def numbered(first: int, count: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + count))


def found(protection: Guard, *texts: str) -> list[int]:
    """Which of the texts are hit."""
    return sorted(set(protection.matches(Split(texts), range(len(texts)))[:, 0].tolist()))


def decided(protection: Guard, *texts: str, others: int = 10_000) -> Contamination:
    """The decision on these texts, of a source that has many others."""
    finds = protection.matches(Split(texts), range(len(texts)))
    return decide(protection, finds, np.zeros(len(texts) + others, int), [HERE])


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


def test_the_report_is_by_task(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    rows = [("b", numbered(0, 15)), ("a", numbered(0, 20)), ("a", numbered(30, 8)), ("a", "too short")]
    path.write_text("".join(json.dumps({"task": task, "text": text}) + "\n" for task, text in rows))
    texts = numbered(0, 14), numbered(5, 14), "innocent", numbered(30, 8)
    answer = decided(guard(path, Decontamination()), *texts)
    assert answer.dropped == {0: "a, b", 1: "a", 3: "a"}
    assert list(answer.facts["tasks"].items()) == [
        ("a", {"items": 3, "too_short": 1, "found": 2, "documents": 3}),
        ("b", {"items": 1, "too_short": 0, "found": 1, "documents": 1}),
    ]


def test_tasks_of_a_document_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    protection = guarded(tmp_path, *(numbered(20 * task, 13) for task in range(8)))
    text = " x ".join(numbered(20 * task, 13) for task in reversed(range(8)))
    assert decided(protection, text).dropped == {0: ", ".join(f"task{task}" for task in range(8))}


def test_a_source_that_is_hit_too_often_stops_the_run(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13))
    texts = [f"{numbered(0, 13)} x{i}" for i in range(3)]
    assert len(decided(protection, *texts, others=297).dropped) == 3
    with pytest.raises(
        UserError, match=r"3 of 299 documents of calls \(1.0%\).*task0.*raise corpus.decontaminate.max_share"
    ):
        decided(protection, *texts, others=296)
    # One document of a small source is no share.
    assert len(decided(protection, texts[0], others=5).dropped) == 1
    with pytest.raises(UserError, match="2 of 7 documents"):
        decided(protection, *texts[:2], others=5)
    assert len(decided(guarded(tmp_path, numbered(0, 13), max_share=1.0), *texts, others=0).dropped) == 3


def test_the_passage_is_cut_with_its_sentence_or_line(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 15), numbered(50, 7), on_match="cut")
    text = f"First it rose. Then {numbered(0, 15)}, they said! It fell.\nA line\nBegin {numbered(50, 7)} end\nThe last."
    answer = decided(protection, text, "innocent")
    assert answer.dropped == {}
    assert list(answer.cut) == [0]
    assert protection.cut(text, answer.cut[0]) == ("First it rose. It fell.\nA line\nThe last.", 2)
    assert protection.cut(numbered(0, 15), answer.cut[0][1:]) == ("", 1)
    left, _ = protection.cut(f"It rose. {numbered(0, 8)}.\n{numbered(8, 7)}. It fell.", answer.cut[0][1:4])
    assert left == "It rose. It fell."


@pytest.mark.parametrize("words", [1, 6, 12])
def test_every_sentence_with_a_word_of_the_run_goes(tmp_path: Path, words: int) -> None:
    protection = guarded(tmp_path, numbered(0, 13), on_match="cut")
    text = f"It rose. {numbered(0, words)}. {numbered(words, 13 - words)}. It fell."
    assert protection.cut(text, [0]) == ("It rose. It fell.", 1)


def test_passages_that_touch_are_one(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 7), numbered(50, 7), numbered(80, 7), on_match="cut")
    runs = [0, 1, 2]
    text = f"{numbered(0, 7)}. {numbered(50, 7)}. It rose. {numbered(80, 7)}."
    assert protection.cut(text, runs) == ("It rose.", 2)
    assert protection.cut(f"It rose. {text}", runs) == ("It rose. It rose.", 2)


@pytest.mark.parametrize(("run", "first", "length"), [(0, 0, 7), (1, 50, 9), (2, 80, 13)])
def test_a_passage_is_as_long_as_its_run(tmp_path: Path, run: int, first: int, length: int) -> None:
    protection = guarded(tmp_path, numbered(0, 7), numbered(50, 9), numbered(80, 13), on_match="cut")
    text = f"It rose. {numbered(first, length)}. It fell. It rose by as much. It fell again."
    assert protection.cut(text, [run]) == ("It rose. It fell. It rose by as much. It fell again.", 1)


def test_a_passage_within_another_leaves_nothing_of_it(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), numbered(3, 6), on_match="cut")
    text = f"It rose. {numbered(0, 3)}. {numbered(3, 6)}. {numbered(9, 4)}. It fell."
    assert protection.cut(text, [0, 1]) == ("It rose. It fell.", 1)


def test_what_cannot_be_found_any_more_takes_the_document_with_it(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), on_match="cut")
    assert protection.cut(f"It rose. {numbered(0, 6)} <EMAIL> {numbered(7, 6)}.", [0]) == ("", 1)


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


def test_the_task_is_one_of_the_source_that_is_hit_worst(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), numbered(50, 13))
    texts = [*[f"{numbered(0, 13)} x{i}" for i in range(4)], *[f"{numbered(50, 13)} y{i}" for i in range(3)]]
    places = np.array([1] * 4 + [0] * 3 + [1] * 996)
    with pytest.raises(UserError, match=r"3 of 3 documents of calls \(100.0%\).*, 3 of them task1"):
        decide(protection, protection.matches(Split(texts), range(7)), places, [HERE, ("general", "books")])


def test_the_line_names_the_task_that_is_held_most(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), numbered(50, 13))
    texts = [f"{numbered(0, 13)} x{i}" for i in range(3)] + [numbered(50, 13)]
    with pytest.raises(UserError, match=r"4 of 10 documents of calls \(40.0%\).*, 3 of them task0.*or task0 out"):
        decided(protection, *texts, others=6)
    with pytest.raises(UserError, match="1 of them task1"):  # of two that are held as often, the last by name
        decided(protection, *texts[2:], others=6)


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


QUESTION = (
    "Which of the financial statements shows the company's well-known earnings at 31 December 2009, and by how much"
)
HIDDEN = {
    "plain": lambda text: text,
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "narrow spaces": lambda text: text.replace(" ", "\u202f"),
    "soft hyphens": lambda text: text.replace("ate", "a\u00adte"),
    "soft hyphens as entities": lambda text: text.replace("ate", "a&shy;te"),
    "numbered entities": lambda text: text.replace("ate", "a&#173;te").replace("2009", "&#x32;009"),
    "entities of entities": lambda text: text.replace("ate", "a&amp;shy;te"),
    "zero width": lambda text: text.replace("e", "e\u200b"),
    "word joiners": lambda text: text.replace("a", "a\u2060"),
    "byte order marks": lambda text: text.replace("o", "o\ufeff"),
    "a hyphen at a line's end": lambda text: text.replace("statements", "state-\nments"),
    "one with white space around": lambda text: text.replace("statements", "state- \n   ments"),
    "another hyphen there": lambda text: text.replace("statements", "state\u2010\nments"),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
    "bold": lambda text: "".join(chr(ord(c) - 97 + 0x1D41A) if "a" <= c <= "z" else c for c in text),
    "ligatures": lambda text: text.replace("fi", "\ufb01"),
    "typographic": lambda text: text.replace("'", "\u2019").replace("-", "\u2011"),
    "other digits": lambda text: text.replace("2009", "\u0662\u0660\u0660\u0669"),
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("protected", [False, True])
def test_no_spelling_hides_a_question(tmp_path: Path, hide: Callable[[str], str], protected: bool) -> None:
    """Neither in the document nor in the protected text, as ``clean`` or a page as it came leaves them."""
    written, asked = (QUESTION, hide(QUESTION)) if protected else (hide(QUESTION), QUESTION)
    protection = guarded(tmp_path, asked, on_match="cut")
    text = f"It rose by a half. {written}? It fell\u00a0again."
    assert decided(protection, "innocent", text).cut.keys() == {1}
    assert decided(protection, clean(text)).cut.keys() == {0}
    runs = decided(protection, text).cut[0]
    assert protection.cut(text, runs) == ("It rose by a half. It fell\u00a0again.", 1)


def test_what_is_cut_lies_where_the_text_was_written(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), on_match="cut")
    hidden = numbered(0, 13).replace("w", "\u200b&#119;\u00ad")
    text = f"\uff29\uff54 rose & fell. Then \u200b{hidden}, he said. \ufb01rst & last\u00a0one."
    assert protection.cut(text, [0]) == ("\uff29\uff54 rose & fell. first & last\u00a0one.", 1)
