from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import Refusal
from domain.tokens.encode import encode_texts, frame, load_tokenizer
from domain.tokens.shards import Shard, id_type

TORTURE = [
    "",
    "a",
    "naïve café",
    "한국어 \u1112\u1161\u11ab",
    "👩‍👩‍👧‍👦 e\u0301",
    "\x00\x01\t\r\n",
    "x" * 10_000,
    "<|end|> is literal",
]


def test_every_text_round_trips(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    for text, ids in zip(TORTURE, encode_texts(speaker, TORTURE), strict=True):
        assert speaker.decode(ids.tolist()) == text


def test_special_tokens_in_a_text_are_characters(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    ids = encode_texts(speaker, ["before <|end|> after <|begin|>"])[0]
    assert not set(ids.tolist()) & set(frame(speaker))
    assert speaker("<|end|>", add_special_tokens=False)["input_ids"] == [frame(speaker)[1]]


def test_shards_hold_framed_documents_and_their_bytes(corpus: Any, tokens: Any, tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    begin, end = frame(speaker)
    shard = Shard(tokens.path / "train" / "domain")
    documents = list(corpus.documents("train", "domain"))
    assert len(shard) == len(documents) == tokens.facts["train"]["domain"]["documents"]
    for index in (0, 17, len(documents) - 1):
        ids = shard.document(index).tolist()
        assert (ids[0], ids[-1]) == (begin, end)
        assert speaker.decode(ids[1:-1]) == documents[index]["text"]
        assert shard.sizes[index] == len(documents[index]["text"].encode())
    assert shard.tokens == tokens.facts["train"]["domain"]["tokens"] == len(shard.ids)


def test_id_types() -> None:
    assert id_type(2**16) == np.uint16
    assert id_type(2**16 + 1) == np.uint32


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no tokenizer"):
        load_tokenizer(tmp_path)
