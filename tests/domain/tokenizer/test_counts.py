from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokenizer import counts
from domain.tokenizer.counts import count_words

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
SPLITTERS: dict[str, dict[str, Any]] = {
    "gpt2": {"pre_tokenizer": BYTES},
    "prefixed": {"pre_tokenizer": {**BYTES, "add_prefix_space": True}},
    "llama3": {"pre_tokenizer": sequence(split(LLAMA3), {**BYTES, "use_regex": False})},
    "digits": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, BYTES)},
    "t5": {"normalizer": {"type": "NFKC"}, "pre_tokenizer": sequence({"type": "WhitespaceSplit"}, METASPACE)},
    "metaspace": {"pre_tokenizer": METASPACE},
    "pairs of words": {"pre_tokenizer": split(r"\w+ \w+")},
}
LLAMA2 = {
    "normalizer": {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    },
    "pre_tokenizer": None,
}
TEXTS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(["to", "be", "it's", "3.14", "中文", "é", "—", "Ab9"])).map(" ".join),
        st.text(alphabet="ab1 .\n\t'é가", max_size=30),
        st.text(max_size=20),
    ),
    max_size=6,
)  # fmt: skip


def by_hand(content: dict[str, Any], texts: list[str]) -> Counter[str]:
    """The words as the tokenizer's own functions for Python give them."""
    from tokenizers import Tokenizer

    model = {"type": "WordLevel", "vocab": {}, "unk_token": ""}
    own = Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": [], "model": model, **content}))
    found: Counter[str] = Counter()
    for text in texts:
        normal = own.normalizer.normalize_str(text) if own.normalizer else text
        found.update(word for word, _ in own.pre_tokenizer.pre_tokenize_str(normal))
    return found


@pytest.mark.parametrize("kind", SPLITTERS)
def test_words_are_those_of_the_tokenizer(kind: str) -> None:
    @settings(deadline=None, max_examples=40)
    @given(TEXTS)
    def same(texts: list[str]) -> None:
        found, size = count_words(SPLITTERS[kind], iter(texts))
        assert found == by_hand(SPLITTERS[kind], texts)
        assert size == sum(len(text.encode()) for text in texts)

    same()


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_without_a_pre_tokenizer_words_end_at_spaces(texts: list[str]) -> None:
    expected: Counter[str] = Counter()
    for text in filter(None, texts):
        spelled = "▁" + text.replace(" ", "▁")
        expected.update(re.findall("▁+(?=▁)|▁?[^▁]+|▁", spelled))
    assert count_words(LLAMA2, texts)[0] == expected


@pytest.mark.parametrize(("kind", "lead"), [("gpt2", " "), ("llama3", " "), ("t5", " "), ("pairs of words", None)])
def test_the_short_way_is_taken_where_it_is_right(kind: str, lead: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str | None] = []
    lead_of = counts.lead_of
    monkeypatch.setattr(counts, "lead_of", lambda *given: chosen.append(lead_of(*given)) or chosen[-1])
    count_words(SPLITTERS[kind], ["to be or not to be,  that is\n the 2nd question"] * 3)
    assert chosen == [lead]


def test_llama2_puts_nothing_before_a_text_between_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "SAMPLE_CHARACTERS", 50)  # the texts after the sample go the short way
    words, _ = count_words(LLAMA2, ["to be or not to be, that is the question."] * 5)
    assert words["▁to"] == 10
    assert words["▁be"] == words["▁be,"] == 5


def test_a_sample_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of 1,000 times and more go through every bit."""
    monkeypatch.setattr(counts, "SAMPLE_CHARACTERS", 10)
    texts = ["a b"] + ["a"] * 1234 + ["b a c"] * 777
    assert count_words(SPLITTERS["gpt2"], texts)[0] == {"a": 1235, "Ġb": 1, "b": 777, "Ġa": 777, "Ġc": 777}


def test_memory_is_bounded_and_frequent_words_stay() -> None:
    texts = (f"common {number} w{number}x" for number in range(3000))
    found, _ = count_words(SPLITTERS["gpt2"], texts, limit=200)
    assert len(found) <= 200
    assert found["common"] == 3000


def test_a_long_word_is_counted_in_parts() -> None:
    found, _ = count_words(SPLITTERS["gpt2"], ["a" * 1000])
    assert found == {"a" * 256: 3, "a" * 232: 1}


def test_lone_surrogates_are_replaced() -> None:
    found, size = count_words(SPLITTERS["t5"], ["a \ud800b"])
    assert found == {"▁a": 1, "▁\ufffdb": 1}
    assert size == len("a \ufffdb".encode())


def test_no_text() -> None:
    assert count_words(SPLITTERS["gpt2"], []) == ({}, 0)
    assert count_words(SPLITTERS["gpt2"], ["", ""]) == ({}, 0)
