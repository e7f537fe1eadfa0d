"""The sentences and lines that hold a protected run go, however it is spelled, and the rest of a text stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from corpora.document import clean
from tests.corpora.decontamination.guards import decided, guarded, numbered


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
