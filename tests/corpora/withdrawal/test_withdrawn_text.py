from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from corpora.withdrawal.withdrawn_text import SHORT, WithdrawnTexts, sequence_hashes, signatures

Prose = Callable[..., str]


def match(withdrawn: str, other: str) -> str:
    return WithdrawnTexts.of(signatures([withdrawn])).matches([other])[0]


def numbered(count: int) -> list[str]:
    return [f"w{i}" for i in range(count)]


@pytest.mark.parametrize("words", [5, 6, 20, 60, 127, 128, 129, 300])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_one_word_more_or_less_is_a_near_copy_whatever_the_length(words: int, place: float) -> None:
    text = numbered(words)
    at = round(place * words)
    more = " ".join([*text[:at], "word", *text[at:]])
    assert match(" ".join(text), more) == "near copy"
    assert match(more, " ".join(text)) == "near copy"


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace(" ", "  "),
        lambda text: f"\n{text}\n\n",
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace("w1", "w\u00ad1"),
        lambda text: text.replace(" ", ", "),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
    ],
)
@pytest.mark.parametrize("words", [5, 40, 400])
def test_another_spelling_of_the_same_words_is_the_text(change: Callable[[str], str], words: int) -> None:
    text = " ".join(numbered(words))
    assert match(text, change(text)) in ("text", "near copy" if words > SHORT else "text")


@pytest.mark.parametrize("words", [5, 20, 128, 129, 300])
def test_another_text_is_none(words: int) -> None:
    text = " ".join(numbered(words))
    others = [
        " ".join(f"v{i}" for i in range(words)),
        " ".join(random.Random(1).sample(numbered(words), words)),
        "",
        "!",
    ]
    assert WithdrawnTexts.of(signatures([text])).matches(others) == [""] * len(others)


def test_short_texts_match_whole_alone() -> None:
    assert match("call me at five", "call me at five now") == ""
    assert match("call me at five", "Call  me at FIVE") == "text"
    assert match("***", "!!!") == ""
    assert match("one two three four five", "one two three four") == ""


def test_one_other_word_in_a_short_text_is_another_text() -> None:
    """So that a form letter does not go with the one that was withdrawn."""
    text = numbered(12)
    assert match(" ".join(text), " ".join([*text[:6], "other", *text[7:]])) == ""


def test_sequence_hashes_are_those_of_shorter_sequences() -> None:
    words = np.array([random.Random(i).getrandbits(64) for i in range(9)], np.uint64)
    whole, shorter = sequence_hashes(words)
    for gone in range(9):
        assert sequence_hashes(np.delete(words, gone))[0] == int(shorter[gone])
    assert len({whole, *shorter.tolist()}) == 10


def test_nothing_of_the_text_stands_in_its_signature(prose: Prose) -> None:
    text = prose("secret", 100)
    shown = repr(signatures([text]))
    assert not [word for word in text.split() if len(word) > 8 and word in shown]


def test_nothing_withdrawn_matches_nothing() -> None:
    texts = WithdrawnTexts.of([])
    assert not texts
    assert texts.matches(["", "a b c d e f"]) == ["", ""]
