from __future__ import annotations

import random
import re

import pytest

from corpora.filters.national import NAMED, SPELLINGS, named_in
from corpora.filters.privacy import mask_all
from domain.text.fold import fold

PLAIN = {"steueridentifikation\\w*": "steueridentifikationsnummer", "t\\.?c\\.? ?kimlik": "t.c. kimlik"}  # no patterns
WRITTEN = [PLAIN.get(spelling, spelling) for spelling in SPELLINGS]
APART = {
    name: re.compile(rf"(?<!\w)(?:{fold(spellings).text})(?!\w)", re.IGNORECASE) for name, spellings in NAMED.items()
}


def each_alone(context: str) -> set[str]:
    """The numbers that a text names, sought one after the other."""
    return {name for name, pattern in APART.items() if pattern.search(context)}


@pytest.mark.parametrize("spelling", WRITTEN)
def test_every_spelling_names_its_numbers_where_it_is_a_word(spelling: str) -> None:
    names = {
        name for written, of in zip(WRITTEN, SPELLINGS.values(), strict=True) if written == spelling for name in of
    }
    assert names
    word = fold(spelling).text
    for context in (f"{word} ", f"a {word}: ", f"({word.upper()}) ", f"00 {word}-"):
        assert names <= set(named_in(context)) == each_alone(context)
    assert not names & {*named_in(f"x{word} "), *named_in(f"0{word} "), *named_in(f"{word[:9]}0 ")}


def test_a_name_may_begin_within_another() -> None:
    assert named_in("thai id number ") == ("th.pin", "za.idnr")
    assert set(named_in("rodné ")) == {"cz.rc", "sk.rc"}
    assert named_in("T.C. KİMLİK ") == ("tr.tckimlik",)
    assert named_in("0000 0000-00. ") == named_in("") == ()


def test_no_two_spellings_begin_at_one_place() -> None:
    """Then the first one that matches is the only one."""
    words = [fold(each).text for each in WRITTEN]
    assert [(a, b) for a in words for b in words if a != b and re.match(rf"{re.escape(a)}(?!\w)", b)] == []


@pytest.mark.parametrize("seed", range(3))
def test_names_are_those_that_each_pattern_finds_alone(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [fold(each).text for each in WRITTEN] + ["00", "x", "no", "id", "number", "é", "_"]
    for _ in range(300):
        context = "".join(chance.choice(pieces) + chance.choice((" ", ": ", "-", "", "\n")) for _ in range(4))[-48:]
        assert set(named_in(context)) == each_alone(context), context


def test_in_a_table_each_number_has_its_own_words() -> None:
    rows = [("nhs", "943 476 5870"), ("lot", "943 476 5870"), ("cpf", "39053344705"), ("cpf", "39053344706")]
    masked = mask_all("\n".join(f"{word} {number}{' ' * 48}" for word, number in rows)).split("\n")
    assert [row.split() for row in masked] == [
        ["nhs", "<NATIONAL_ID>"], ["lot", "943", "476", "5870"], ["cpf", "<NATIONAL_ID>"], ["cpf", "39053344706"]
    ]  # fmt: skip
