from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from domain.errors import UserError
from domain.tokenizer.encoding import texts as in_memory
from domain.tokenizer.encoding.texts import encode_texts, frame, load_tokenizer

HARD_TEXTS = [
    "", "a", "naïve café", "한국어 \u1112\u1161\u11ab", "👩‍👩‍👧‍👦 e\u0301", "\x00\x01\t\r\n", "x" * 10_000,
    "".join(map(chr, range(256))), "<|end|> is literal",
]  # fmt: skip
WAYS = pytest.mark.parametrize("worth", [0, 10**9], ids=["fast", "plain"])


@WAYS
def test_every_text_round_trips(tokenizer: Any, worth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "WORTH", worth)
    speaker = load_tokenizer(tokenizer.path)
    for text, ids in zip(HARD_TEXTS, encode_texts(speaker, HARD_TEXTS), strict=True):
        assert ids.dtype == np.int32
        assert speaker.decode(ids.tolist()) == text
    assert (in_memory.cache_of(speaker).fast is None) == (worth > 0)


@WAYS
def test_special_tokens_in_a_text_are_characters(tokenizer: Any, worth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "WORTH", worth)
    speaker = load_tokenizer(tokenizer.path)
    ids = encode_texts(speaker, ["before <|end|> after <|begin|>"])[0]
    assert not set(ids.tolist()) & set(frame(speaker))
    assert speaker("<|end|>", add_special_tokens=False)["input_ids"] == [frame(speaker)[1]]


@WAYS
def test_lone_surrogates_are_replaced(tokenizer: Any, worth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "WORTH", worth)
    speaker = load_tokenizer(tokenizer.path)
    lone, whole = encode_texts(speaker, ["a\ud800b\udfff", "\ud83d\ude00 pair"])
    assert speaker.decode(lone.tolist()) == "a\ufffdb\ufffd"
    assert speaker.decode(whole.tolist()) == "😀 pair"


def test_a_tokenizer_without_a_fast_path(pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "WORTH", 0)
    speaker = load_tokenizer(pretrained)
    peer = AutoTokenizer.from_pretrained(pretrained)
    ids = encode_texts(speaker, HARD_TEXTS[:-1])
    assert in_memory.cache_of(speaker).why == "its normalizer alters text"
    assert [each.tolist() for each in ids] == [peer(t, add_special_tokens=False)["input_ids"] for t in HARD_TEXTS[:-1]]


def test_a_token_that_was_added_later_counts(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "WORTH", 0)
    speaker = load_tokenizer(tokenizer.path)
    assert speaker.decode(encode_texts(speaker, ["residual norm"])[0].tolist()) == "residual norm"
    speaker.add_tokens(["residual norm"])
    assert encode_texts(speaker, ["residual norm"])[0].tolist() == [speaker.convert_tokens_to_ids("residual norm")]


def test_a_document_is_encoded_whole(tokenizer: Any, tmp_path: Path) -> None:
    speaker = load_tokenizer(tokenizer.path)
    speaker.backend_tokenizer.enable_truncation(3)
    speaker.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "tokenizer.json").read_bytes())["truncation"]
    assert len(encode_texts(load_tokenizer(tmp_path), ["the residual norm of the system"])[0]) > 3


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer"):
        load_tokenizer(tmp_path)
