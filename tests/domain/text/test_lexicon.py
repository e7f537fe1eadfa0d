from __future__ import annotations

from itertools import pairwise

import pytest

from domain.text.lexicon import Lexicon, written
from domain.text.words import Split


def found(lexicon: Lexicon, texts: list[str]) -> list[tuple[int, str]]:
    places, terms = lexicon.find(Split(texts))
    return [(place, lexicon.terms[term]) for place, term in zip(places.tolist(), terms.tolist(), strict=True)]


def test_words_and_phrases_are_found_by_place_in_any_case() -> None:
    lexicon = Lexicon(["pit", "cock pit", "pit stop crew"])
    text = "The Cock-pit, a PIT; a pit stop crew: cockpit"  # the cock pit a pit a pit stop crew cockpit
    assert found(lexicon, [text]) == [(1, "cock pit"), (4, "pit"), (6, "pit stop crew")]


def test_a_phrase_does_not_reach_into_the_next_text() -> None:
    assert found(Lexicon(["cock pit"]), ["a cock", "pit stop", "", "cock pit"]) == [(4, "cock pit")]


def test_nothing_is_found_in_nothing() -> None:
    assert found(Lexicon([]), ["a"]) == found(Lexicon(["a", "b c"]), []) == found(Lexicon(["b c"]), ["", "b"]) == []


def test_scripts_without_spaces_are_matched_by_character() -> None:
    assert found(Lexicon(["黑市"]), ["在黑市上"]) == [(1, "黑市")]


def test_of_equal_terms_the_first_is_told_and_an_empty_one_is_refused() -> None:
    _, terms = Lexicon(["a", "A"]).find(Split(["a"]))
    assert terms.tolist() == [0]
    with pytest.raises(ValueError, match=r"term 2, '!', has no letter"):
        Lexicon(["a", "!"])


def test_many_terms_against_a_plain_search() -> None:
    terms = [f"w{i} w{i + 1}" for i in range(0, 3_000, 3)]
    words = [f"w{i * 7 % 3_001}" for i in range(3_000)] + [f"w{i}" for i in range(3_000)]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    wanted = set(terms)
    expected = [(i, pair) for i, pair in enumerate(pairs) if pair in wanted]
    assert len(expected) == 1_000
    assert found(Lexicon(terms), [" ".join(words)]) == expected


def test_words_as_they_are_written() -> None:
    split = Split(["Dick dick", "DICK Éric"])
    places, _ = Lexicon(["dick", "éric"]).find(split)
    assert written(split, places) == ["Dick", "dick", "DICK", "Éric"]
