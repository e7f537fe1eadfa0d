from __future__ import annotations

import random
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from domain.text import words as module
from domain.text.words import UNSPACED, Split, split

ALPHABET = "aZ09_ \n\t.-'éÀŽßжЖΣ\u0301\u200d’“ 中文ひらがなไทยកខ한국어😀𐐀\u212a\ud800\u00a0"


def spelled_out(text: str) -> list[tuple[int, int]]:
    """The rule, a character at a time."""
    found: list[tuple[int, int]] = []
    inside = False
    for place, letter in enumerate(text):
        part = letter == "_" or letter.isalnum() or unicodedata.category(letter)[0] == "M"
        part = part and ord(letter) < 0x40000
        single = part and any(first <= ord(letter) <= last for first, last in UNSPACED)
        if part and inside and not single:
            found[-1] = (found[-1][0], place + 1)
        elif part:
            found.append((place, place + 1))
        inside = part and not single
    return found


def test_words_are_runs_of_letters_digits_and_underscores_in_lower_case() -> None:
    assert split("Don't call f_x(2.5) — EBITDA!").strings == ["don", "t", "call", "f_x", "2", "5", "ebitda"]
    assert split("--- !!!").strings == []
    assert len(split("")) == 0


def test_a_character_is_a_word_where_a_script_has_no_spaces() -> None:
    assert split("利率上升 3次 GDP增长").strings == ["利", "率", "上", "升", "3", "次", "gdp", "增", "长"]
    assert split("한국어 경제").strings == ["한국어", "경제"]


def test_the_split_is_that_of_a_character_at_a_time() -> None:
    chance = random.Random(4)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randrange(60))) for _ in range(400)]
    for text, words in zip(texts, Split(texts), strict=True):
        assert list(zip(words.starts.tolist(), words.ends.tolist(), strict=True)) == spelled_out(text)


def test_equal_words_have_equal_hashes_and_others_have_not() -> None:
    chance = random.Random(5)
    letters = [c for c in ALPHABET if re.match(r"[^\W]", c)] + ["\u0301"]
    texts = [" ".join("".join(chance.choices(letters, k=chance.randint(1, 80))) for _ in range(40)) for _ in range(60)]
    hashes: dict[str, set[int]] = {}
    for words in Split(texts):
        for start, end, value in zip(words.starts, words.ends, words.hashes.tolist(), strict=True):
            folded = "".join(letter.lower()[0] for letter in words.text[start:end])
            hashes.setdefault(folded, set()).add(value)
    assert all(len(values) == 1 for values in hashes.values())
    assert len(set.union(*hashes.values())) == len(hashes) > 2000


@pytest.mark.parametrize("word", ["a", "abcdefgh", "abcdefghi", "x" * 64, "x" * 65, "x" * 5000, "naïveté" * 20])
def test_a_hash_depends_on_the_word_alone(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = split(word).hashes.tolist()
    monkeypatch.setattr(module, "AT_ONCE", 50)
    texts = ["é 中", f"b {word}, {word.upper()}. ", f"{word}", "plain"]
    found = [words.hashes for words in Split(texts)]
    assert found[1][1:].tolist() == alone * 2
    assert found[2].tolist() == alone
    assert split(word + "x").hashes.tolist() != alone


def test_hashes_stay_as_they_are_from_year_to_year() -> None:
    # The index of remembered texts stands on this. SplitMix64's finaliser of the word's bytes, least byte first.
    value = (int.from_bytes(b"bond", "little") + 0x9E3779B97F4A7C15) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = ((value ^ (value >> shift)) * factor) % 2**64
    assert split("Bond").hashes.tolist() == [value ^ (value >> 31)]
    code = "from domain.text.words import split; print(*split('naïve ' + 'x' * 99).hashes.tolist())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(value) for value in split("naïve " + "x" * 99).hashes.tolist()]


def test_texts_keep_apart() -> None:
    texts = ["", "one two", "", "three", "--", "four five six"]
    found = Split(texts)
    assert found.offsets.tolist() == [0, 0, 2, 2, 3, 3, 6]
    assert [words.strings for words in found] == [[], ["one", "two"], [], ["three"], [], ["four", "five", "six"]]
    assert found[-1].strings == ["four", "five", "six"]
    some = Split.of([found[1], found[4], found[5]])
    assert some.offsets.tolist() == [0, 2, 2, 5]
    assert np.array_equal(some.hashes, Split([texts[1], texts[4], texts[5]]).hashes)
    assert Split.of([]).offsets.tolist() == [0]
