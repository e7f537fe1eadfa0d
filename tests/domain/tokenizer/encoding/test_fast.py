from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

from domain.tokenizer.encoding.fast import Fast, Unproved, plain
from domain.tokenizer.encoding.patterns import GPT2, grouped, pattern_of, told_alike, understood
from domain.tokenizer.encoding.ranks import ranked

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXT = [
    "Net income rose 12.5% to $1,234,567 in 2023; it's what they'd said we'll see.\r\n\r\n  ===== 10-K =====",
    "naïve café, 한국어 텍스트와 한글, 日本語 👩‍👩‍👧 e\u0301 and\tsome\t\tcode:\n    if x == 1:\n        return 'y'",
    "the rate of the interest rates that the banks rated, in the 1990s and the 2000s",
]
HARD_TEXTS = [
    "", "a", "naïve café", "한국어 \u1112\u1161\u11ab\u1100\u1161", "👩‍👩‍👧‍👦 🇰🇷 e\u0301\u0323", "\x00\x01\t\r\n\x7f",
    "a\x00b\x00", "x" * 10_000, " " * 3_000 + "x  y", "\n \n\r\n\t " * 500, "7" * 3_000 + " 1 22  333\n4444",
    "it's IT'S it'\u017f WE'LL we'Ll 'tis ' s", "<|end|> is <|begin|> literal", "".join(map(chr, range(0x250))),
    "\u00a0\u2003\u3000\u200b\ufeff1\u00a01 \u0663\u0664 ½² ⅷ", "a \u0301b  \u0301", "\ud55c" * 500, "!? ..\n..\n\n--/",
]  # fmt: skip


def trained(cut: Any, **more: Any) -> Tokenizer:
    """A byte-level BPE of 600 pieces that cuts by ``cut``."""
    fast = Tokenizer(models.BPE(**more))
    fast.pre_tokenizer, fast.decoder = cut, decoders.ByteLevel()
    alphabet = ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|end|>", "<|begin|>"], initial_alphabet=alphabet, show_progress=False
    )
    fast.train_from_iterator(TEXT * 20, trainer)
    return fast


def split(pattern: str) -> Split:
    return Split(Regex(pattern), "isolated")


CUTS: dict[str, Callable[[], Any]] = {
    "ours": lambda: Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]),
    "runs": lambda: Sequence([Digits(individual_digits=False), ByteLevel(add_prefix_space=False)]),
    "groups": lambda: Sequence([split(r"\p{N}{1,3}"), ByteLevel(add_prefix_space=False)]),
    "ascii": lambda: Sequence([split("[0-9]"), ByteLevel(add_prefix_space=False)]),
    "gpt2": lambda: ByteLevel(add_prefix_space=False),
    "llama3": lambda: Sequence([split(LLAMA3), ByteLevel(add_prefix_space=False, use_regex=False)]),
    "gpt4o": lambda: Sequence([split(GPT4O), ByteLevel(add_prefix_space=False, use_regex=False)]),
    "qwen": lambda: Sequence(
        [split(r"\p{N}"), split(LLAMA3), ByteLevel(add_prefix_space=False, use_regex=False)]
    ),
    "uncut": lambda: ByteLevel(add_prefix_space=False, use_regex=False),
}  # fmt: skip


@pytest.fixture(scope="module", params=CUTS)
def pair(request: pytest.FixtureRequest) -> tuple[Fast, Tokenizer]:
    backend = trained(CUTS[request.param]())
    if request.param == "qwen":
        backend.normalizer = normalizers.NFC()
        backend.add_tokens(["<tool>"])
    return Fast(backend), backend


def own(backend: Tokenizer, text: str) -> list[int]:
    """What the tokenizer itself says, one text at a time, special tokens being characters."""
    backend.encode_special_tokens = True
    try:
        return list(backend.encode(text, add_special_tokens=False).ids)
    finally:
        backend.encode_special_tokens = False


def test_ids_are_the_tokenizers_own_on_hard_texts(pair: tuple[Fast, Tokenizer]) -> None:
    fast, backend = pair
    for text in [*HARD_TEXTS, *TEXT]:
        ids = fast.encode(text)
        assert ids is not None
        assert ids.dtype == np.int32
        assert ids.tolist() == own(backend, text)
        if backend.normalizer is None:
            assert backend.decode(ids.tolist(), skip_special_tokens=False) == text


MIXED = st.text(
    st.one_of(st.sampled_from(" \n\r\t'sSlLtT1½a!한\u0301\u00a0"), st.characters(exclude_categories=["Cs"]))
)


@settings(max_examples=60, deadline=None)
@given(text=MIXED)
def test_ids_are_the_tokenizers_own_on_any_text(pair: tuple[Fast, Tokenizer], text: str) -> None:
    fast, backend = pair
    ids = fast.encode(text)
    assert ids is not None
    assert ids.tolist() == own(backend, text)


def test_a_megabyte_without_a_space_and_one_of_spaces() -> None:
    backend = trained(CUTS["ours"]())
    fast = Fast(backend)
    for text in ("therate" * 150_000, "한" * 100_000, " " * 1_200_000 + "x"):
        assert np.array_equal(fast.all([text])[0], plain(backend, [text])[0])


def test_a_text_with_an_added_token_is_left_to_the_tokenizer() -> None:
    backend = trained(CUTS["gpt2"]())
    backend.add_tokens(["<tool>", "<tool>s"])
    fast = Fast(backend)
    assert fast.encode("see <tool>s there") is None
    assert fast.all(["see <tool> there"])[0].tolist() == own(backend, "see <tool> there")
    assert backend.token_to_id("<tool>") in own(backend, "see <tool> there")


def test_normalised_text() -> None:
    backend = trained(CUTS["gpt2"]())
    backend.normalizer = normalizers.NFC()
    ids = Fast(backend).encode("cafe\u0301 \u1112\u1161\u11ab")
    assert ids is not None
    assert ids.tolist() == own(backend, "caf\u00e9 \ud55c") == own(backend, "cafe\u0301 \u1112\u1161\u11ab")


def setting(name: str, value: Any) -> Callable[[Tokenizer], Any]:
    return lambda backend: setattr(backend, name, value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (setting("normalizer", normalizers.Lowercase()), "alters text"),
        (setting("pre_tokenizer", ByteLevel(add_prefix_space=True)), "pre-tokenizer is not supported"),
        (setting("pre_tokenizer", pre_tokenizers.Whitespace()), "pre-tokenizer is not supported"),
        (setting("pre_tokenizer", Sequence([pre_tokenizers.Punctuation(), ByteLevel(add_prefix_space=False)])), "pre-"),
        (setting("pre_tokenizer", Sequence([split(r"\w+"), ByteLevel(False, use_regex=False)])), "pre-"),
        (setting("pre_tokenizer", Sequence([split(r"(?<=a)b"), ByteLevel(add_prefix_space=False)])), "pre-"),
        (lambda backend: backend.enable_truncation(5), "truncates"),
        (lambda backend: setattr(backend.model, "dropout", 0.1), "not a plain BPE"),
    ],
)  # fmt: skip
def test_what_is_not_proved_is_not_fast(change: Callable[[Tokenizer], Any], why: str) -> None:
    backend = trained(CUTS["gpt2"]())
    change(backend)
    with pytest.raises(Unproved, match=why):
        Fast(backend)


def test_sentencepiece_is_not_fast(pretrained: Path) -> None:
    with pytest.raises(Unproved):
        Fast(Tokenizer.from_file(str(pretrained / "tokenizer.json")))


def test_a_check_that_fails_is_told() -> None:
    backend = trained(CUTS["gpt2"]())
    fast = Fast(backend)
    fast.ids = fast.ids[::-1].copy()
    with pytest.raises(Unproved, match="differ on"):
        fast.check(["text"])


LETTERS = "abc"
Merges = list[tuple[str, str]]


def by_hand(merges: Merges, **more: Any) -> Tokenizer:
    """A byte-level BPE with just these merges, and ids in an order of their own."""
    pieces = [*sorted(ByteLevel.alphabet(), reverse=True), *dict.fromkeys(a + b for a, b in reversed(merges))]
    backend = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges, **more))
    backend.pre_tokenizer, backend.decoder = CUTS["gpt2"](), decoders.ByteLevel()
    return backend


@st.composite
def merge_lists(draw: st.DrawFn) -> Merges:
    """Merges such as no training gives: of any two pieces that are there."""
    pieces, merges = list(LETTERS), list[tuple[str, str]]()
    for _ in range(draw(st.integers(0, 9))):
        pair = (draw(st.sampled_from(pieces)), draw(st.sampled_from(pieces)))
        if pair not in merges:
            merges.append(pair)
            pieces.append("".join(pair))
    return merges


@settings(max_examples=100, deadline=None)
@given(
    merges=merge_lists(), texts=st.lists(st.text(LETTERS, max_size=40), min_size=5, max_size=15), words=st.booleans()
)
def test_any_merges_are_equal_or_refused(merges: Merges, texts: list[str], words: bool) -> None:
    backend = by_hand(merges, ignore_merges=words)
    found = ranked(json.loads(backend.to_str())["model"])
    if isinstance(found, str):
        assert "two places" in found or (words and "cannot make" in found)
        return
    ranks, ids = found
    core = tiktoken.Encoding("merges", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
    for text in texts:
        assert ids[core.encode_ordinary(text)].tolist() == own(backend, text)


def test_a_piece_that_no_merge_reaches() -> None:
    # "abc" is listed, but b and c are merged before a and b: by rank alone it would be one piece.
    backend = by_hand([("b", "c"), ("a", "b"), ("ab", "c")])
    ids = Fast(backend).encode("abc")
    assert ids is not None
    assert [backend.id_to_token(i) for i in ids.tolist()] == ["a", "bc"]


def test_a_piece_made_at_two_places_of_the_list() -> None:
    with pytest.raises(Unproved, match="two places"):
        Fast(by_hand([("a", "b"), ("ab", "c"), ("b", "c"), ("a", "bc")]))
    # side by side they are as one: so are Llama 3's
    assert Fast(by_hand([("b", "c"), ("a", "b"), ("ab", "c"), ("a", "bc")])).encode("abcab") is not None


def test_patterns() -> None:
    assert grouped("a|b|c(?!d|e)|(?:f|g)|h++|i") == "(?:a|b)|c(?!d|e)|(?:(?:f|g))|h++|(?:i)"
    assert pattern_of({"type": "ByteLevel", "add_prefix_space": False}) == grouped(GPT2)
    for pattern in (GPT2, LLAMA3, GPT4O):
        assert understood(pattern)
    for pattern in ("^a", "a$", r"\bx", "(?<=a)b", r"(a)\1", "[a&&b]", "[a[b]]", "(?x)a", r"\p{N}{2}+", "(?i:ss)", ""):
        assert not understood(pattern)


EVERY = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)


@pytest.mark.parametrize("kind", [r"\p{L}", r"\p{N}", r"\s"])
def test_both_engines_tell_every_character_alike(kind: str) -> None:
    assert told_alike.__wrapped__(kind, EVERY)


def test_classes_that_differ_are_found() -> None:
    assert not told_alike(r"\w", "a\u00b2\u200c ")  # a letter, a superscript two and a joiner
