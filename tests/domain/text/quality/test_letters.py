from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from domain.text.quality.languages import LATIN_END, SCRIPTS_WITHOUT_SPACES, languages
from domain.text.quality.letters import LOOKED_AT, SPACE, inner_letters, letter_tables, pair_counts


def counted(text: str, code: str) -> tuple[int, int, int]:
    """What ``pair_counts`` says, a pair at a time."""
    data, (_, lower) = languages()[code], letter_tables()
    known = set(data.pairs.tolist())
    total = forward = backward = 0
    for word in inner_letters(text[:LOOKED_AT]):
        letters = [int(lower[ord(letter)]) for letter in word]
        if code not in SCRIPTS_WITHOUT_SPACES:
            letters = [SPACE, *letters, SPACE]
        for first, second in pairwise(letters):
            if not data.latin and any(letter < LATIN_END and letter != SPACE for letter in (first, second)):
                continue
            total += 1
            forward += (first << 32 | second) in known
            backward += (second << 32 | first) in known
    return total, forward, backward


@pytest.mark.parametrize("code", ["en", "de", "tr", "ru", "el", "ar", "hi", "ko", "ja", "zh", "th"])
def test_pairs_are_those_that_a_plain_count_finds(code: str) -> None:
    chance = random.Random(code)
    own = "".join(chr(int(pair) >> 32) + chr(int(pair) & 0xFFFF) for pair in languages()[code].pairs)
    letters = own + "aEzß .,\n9_-éЖعह中かก한İ\u200c\ud800\U0001d400\U0010ffff"
    texts = ["", " ", "\n\n", "a", own, own.upper(), own * 50]
    texts += ["".join(chance.choices(letters, k=chance.randint(1, 300))) for _ in range(30)]
    chance.shuffle(texts)
    for data in (languages()[code], languages()["en"]):
        found = list(zip(*(column.tolist() for column in pair_counts(texts, data)), strict=True))
        assert found == [counted(text, data.code) for text in texts]


def test_no_text_has_no_counts() -> None:
    assert [len(column) for column in pair_counts([], languages()["en"])] == [0, 0, 0]
    assert all(column.dtype == np.int64 for column in pair_counts(["a"], languages()["en"]))
