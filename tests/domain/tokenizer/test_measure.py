from __future__ import annotations

import math
from typing import Any

import pytest

from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.measure import improved, lone, measure


def test_bytes_per_token_is_what_it_says(tokenizer: Any, corpus: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    texts = [document["text"] for document in corpus.documents("validation", "domain")]
    counted = sum(len(speaker(text, add_special_tokens=False)["input_ids"]) for text in texts)
    size = sum(len(text.encode()) for text in texts)
    facts = tokenizer.facts
    assert facts["bytes_per_token"]["domain"] == pytest.approx(size / counted, abs=1e-4)
    # arXiv 2303.17564, section 3.2: tokens times log2 of the vocabulary.
    expected = counted * math.log2(320) / size
    assert facts["weighted_bits_per_byte"]["domain"] == pytest.approx(expected, abs=1e-4)
    assert facts["sources"]["domain"]["domain-source"]["bytes"] == size
    assert facts["compared"] == {}
    assert facts["improved"] == []


def test_lone_bytes_of_a_byte_level_vocabulary(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    alone = lone(speaker)
    assert alone.sum() == 128  # the bytes that stand in characters of two and more
    ids = speaker("\u4e2d", add_special_tokens=False)["input_ids"]
    assert len(ids) == 3
    assert alone[ids].all()
    assert not alone[speaker("solve", add_special_tokens=False)["input_ids"]].any()


def test_lone_bytes_of_a_sentencepiece_vocabulary(pretrained: Any) -> None:
    speaker = load_tokenizer(pretrained)
    alone = lone(speaker)
    assert alone[speaker.convert_tokens_to_ids("<0xE4>")]
    assert alone.sum() in (256, 257)  # and the unknown token


def test_the_words_that_gain_most(tokenizer: Any, pretrained: Any) -> None:
    before, after = load_tokenizer(pretrained), load_tokenizer(tokenizer.path)
    text = "residual residual residual norm norm cat"
    found = improved(before, after, {"source": [text]})

    def tokens(speaker: Any, word: str) -> int:
        return min(len(speaker(each, add_special_tokens=False)["input_ids"]) for each in (word, f" {word}"))

    assert found
    for row in found:
        assert row["before"] == tokens(before, row["word"]) > row["after"] == tokens(after, row["word"])
        assert row["count"] == text.split().count(row["word"])
    gains = [row["count"] * (row["before"] - row["after"]) for row in found]
    assert gains == sorted(gains, reverse=True)


def test_a_part_without_text(tokenizer: Any, tmp_path: Any) -> None:
    from domain.artifacts import Corpus
    from domain.manifest import seal

    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "domain-00000.jsonl").write_text('{"source": "s", "text": "solve the system"}\n')
    seal(tmp_path, stage="curate", version=1, kind="Corpus", spec=None, parents={}, identity="made", facts={})
    facts = measure(tokenizer.path, Corpus.open(tmp_path))
    assert facts["bytes_per_token"]["general"] is None
    assert facts["bytes_per_token"]["domain"] > 1
