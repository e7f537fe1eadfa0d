"""New rows where the pieces of the base are words, as BERT has them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from domain.model.embeddings import grow
from domain.tokenizer.encoding.texts import load_tokenizer
from tests.domain.model import tiny

BERT = ("the", "rate", "int", "##er", "##est", "##s", ",", "##,")  # ids from 5


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_more_words_for_bert(tmp_path: Path, kind: str) -> None:
    old, new = tiny.wordpiece(tmp_path / "old", BERT), tiny.wordpiece(tmp_path / "new", (*BERT, "interest", "##ests"))
    model = tiny.model(13, tied=True, kind=kind, pad_token_id=0)
    before = tiny.rows_of(model)
    facts = grow(model, old, new)
    assert (facts["kind"], facts["pieces"], facts["new_rows"]) == ("extended", 2, [13, 15])
    for name, after in tiny.rows_of(model).items():
        assert torch.allclose(after[13], before[name][[7, 8, 9]].mean(0), atol=1e-6)  # int ##er ##est
        assert torch.allclose(after[14], before[name][[9, 10]].mean(0), atol=1e-6)  # ##est ##s


def test_a_byte_level_vocabulary_for_bert(tmp_path: Path) -> None:
    old = tiny.wordpiece(tmp_path / "old", BERT)
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("e", "r"), ("\u0120", "T"), ("\u0120T", "he"), ("h", "e")]
    roles = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|pad|>", "mask_token": "<|mask|>"}
    new = tiny.byte_level(tmp_path / "new", merges, {**roles, "cls_token": "<|begin|>", "sep_token": "<|end|>"})
    model = tiny.model(13, tied=True, kind="bert", pad_token_id=0)
    before = tiny.rows_of(model)
    grow(model, old, new)
    ids = load_tokenizer(new).get_vocab()
    expected = {
        "\u0120the": [5], "\u0120The": [5], "the": [5],  # one piece as a beginning, none within
        "er": [8], ",": [11], "<|begin|>": [2], "<|end|>": [3], "<|pad|>": [0], "<|mask|>": [4],
        "\u00e9": range(13), "\u0120": range(13),  # part of a character, and a space: the mean of all
    }  # fmt: skip
    for name, after in tiny.rows_of(model).items():
        for piece, parts in expected.items():
            assert torch.allclose(after[ids[piece]], before[name][list(parts)].mean(0), atol=1e-6), piece
