from __future__ import annotations

import unicodedata

import pytest

from domain.text.characters import HAS_MARK, INVISIBLE, JOINERS, PLANES, fold_tables, mark_table, plain

EVERY = [chr(code) for code in range(0x80, PLANES) if not 0xD800 <= code < 0xE000]
SEEN_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")


def test_each_category_is_folded_as_a_whole() -> None:
    assert {plain(each) for each in EVERY if unicodedata.category(each) == "Zs"} == {" "}
    assert {plain(each) for each in EVERY if unicodedata.category(each) == "Pd"} == {"-", "\u30a0"}
    assert {plain(each) for each in EVERY if unicodedata.category(each) == "Nd"} == set("0123456789")
    hieroglyphs = {chr(code) for code in range(0x13430, 0x13460)}
    formats = {each for each in EVERY if unicodedata.category(each) == "Cf"}
    assert {each for each in formats if plain(each)} - hieroglyphs == SEEN_FORMATS | set(JOINERS)


def test_folded_characters_are_folded() -> None:
    assert all(plain(part) == part for each in EVERY for part in plain(each))


def test_the_table_folds_what_plain_changes_and_nothing_else() -> None:
    kinds = fold_tables()[0]
    folded = {each for each in EVERY if kinds[ord(each)] % HAS_MARK}
    assert folded == {each for each in EVERY if plain(each) != each} | set(JOINERS)


def test_marks_are_all_that_composes_with_what_is_before() -> None:
    """By trial: every pair of Unicode's canonical decompositions composes, and its second part is a mark."""
    marks = mark_table()
    for each in EVERY:
        parts = unicodedata.normalize("NFD", each)
        if len(parts) == 2 and unicodedata.normalize("NFC", parts) == each:
            assert marks[ord(parts[1])], hex(ord(each))
    assert not marks[ord("é")]


@pytest.mark.parametrize("letter", ["²", "₂", "½", "ª", "¨", "゠", "。", "中"])
def test_what_stays(letter: str) -> None:
    assert plain(letter) == letter
    assert fold_tables()[0][ord(letter)] == 0
    assert not INVISIBLE.match(letter)
