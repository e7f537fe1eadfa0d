from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.errors import Refusal
from domain.tokenizer.train import Fitting, blend, fit, pieces_of
from domain.tokens.encode import load_tokenizer


def test_a_trained_tokenizer_has_the_asked_size_and_opens(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    assert len(speaker) == pieces_of(tokenizer.path) == tokenizer.facts["size"] == 320
    assert (speaker.bos_token, speaker.eos_token, speaker.pad_token) == ("<|begin|>", "<|end|>", "<|pad|>")


def test_bytes_per_token_is_what_it_says(tokenizer: Any, corpus: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    texts = [document["text"] for document in corpus.documents("validation", "domain")]
    counted = sum(len(speaker(text, add_special_tokens=False)["input_ids"]) for text in texts)
    measured = tokenizer.facts["bytes_per_token"]["domain"]
    assert measured == pytest.approx(sum(len(text.encode()) for text in texts) / counted, abs=1e-4)


def test_the_same_corpus_gives_the_same_tokenizer(tokenizer: Any, corpus: Any, tmp_path: Path) -> None:
    assert fit(Fitting(pieces=320), corpus, out=tmp_path).digest == tokenizer.digest


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_blend_is_honoured_by_bytes(corpus: Any, share: float) -> None:
    domain = {document["text"] for document in corpus.documents("train", "domain")}
    sizes = {True: 0, False: 0}
    for text in blend(corpus, share, 20_000):
        sizes[text in domain] += len(text.encode())
    assert sum(sizes.values()) == pytest.approx(20_000, abs=1_500)
    assert sizes[True] / sum(sizes.values()) == pytest.approx(share, abs=0.03)


def test_the_blend_keeps_its_ratio_where_one_part_is_short(corpus: Any) -> None:
    domain = {document["text"] for document in corpus.documents("train", "domain")}
    sizes = {True: 0, False: 0}
    for text in blend(corpus, 0.9, 10**9):
        sizes[text in domain] += len(text.encode())
    assert sizes[True] == corpus.facts["splits"]["train"]["domain"]["bytes"]
    assert sizes[True] / sum(sizes.values()) == pytest.approx(0.9, abs=0.01)


def test_fewer_pieces_than_bytes() -> None:
    with pytest.raises(ValidationError, match="every byte needs a piece"):
        Fitting(pieces=200)


def test_more_pieces_than_the_text_supports(corpus: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"supports .* pieces, not 50,000"):
        fit(Fitting(pieces=50_000), corpus, out=tmp_path)


def test_keep_copies_the_base_and_depends_on_its_content(pretrained: Path, corpus: Any, tmp_path: Path) -> None:
    kept = fit(Fitting(mode="keep", base=str(pretrained)), corpus, out=tmp_path / "kept")
    assert (kept.path / "tokenizer.json").read_bytes() == (pretrained / "tokenizer.json").read_bytes()
    assert kept.facts["size"] == 512
    asked = Fitting(mode="keep", base=str(pretrained)).asked()
    assert str(pretrained) not in str(asked)


def test_keep_of_what_is_not_there(corpus: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not exist"):
        fit(Fitting(mode="keep", base=str(tmp_path / "none")), corpus, out=tmp_path / "kept")
