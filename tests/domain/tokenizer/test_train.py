from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.tokenizer.encoding.texts import encode_texts, load_tokenizer
from domain.tokenizer.train import BEGIN, END, MASK, PAD, smallest, train
from domain.tokenizer.unigram import chosen, digamma, unigram

TEXTS = [
    "The bank's net interest income rose 4.5% to $1,234,567 in 2008.\n\nIt rose again, by 12%, in 2009.\n",
    "  An  indented\tline; don't   trim it. 금리 인상, e\u0301t\u00e9, 中文, \U0001f600\u2581.",
    "Interest income is what a bank earns on loans; interest expense is what it pays on deposits.",
] * 30  # fmt: skip
HARD = [
    "",
    " ",
    "  two",
    "\u2581 \u2581",
    "a\x00b",
    "\r\n\r\n",
    "\u1112\u1161\u11ab",
    "\U0001f469\u200d\U0001f467",
    "\ufeff\u2028",
]


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Any]:
    """Both models, with and without phrases."""
    made = {}
    for model in ("bpe", "unigram"):
        for multiword in (False, True):
            out = tmp_path_factory.mktemp(f"{model}-{multiword}")
            train(iter(TEXTS), model=model, pieces=330, multiword=multiword, out=out)  # type: ignore[arg-type]
            made[model, multiword] = load_tokenizer(out)
    return made


def back(speaker: Any, text: str) -> str:
    return str(speaker.decode(encode_texts(speaker, [text])[0].tolist()))


def test_every_text_comes_back_as_it_was(speakers: dict[tuple[str, bool], Any]) -> None:
    characters = "".join(map(chr, [*range(1, 0x300), 0x4E2D, 0x1F600]))
    for speaker in speakers.values():
        for text in (*TEXTS[:3], *HARD, characters):
            assert back(speaker, text) == text
        assert len(speaker) == 330


@settings(deadline=None, max_examples=60)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(speakers: dict[tuple[str, bool], Any], text: str) -> None:
    for speaker in speakers.values():
        assert back(speaker, text) == text


@pytest.mark.parametrize(("digits", "expected"), [("alone", 6), ("groups", 2)])
def test_digits(tmp_path: Path, digits: Any, expected: int) -> None:
    train(iter([*TEXTS, *["it was 123456 and 123456 "] * 500]), pieces=300, digits=digits, out=tmp_path)
    assert len(encode_texts(load_tokenizer(tmp_path), ["123456"])[0]) == expected


def test_phrases_are_pieces_where_they_are_asked_for(speakers: dict[tuple[str, bool], Any]) -> None:
    def phrases(speaker: Any) -> list[str]:
        return [piece for piece in speaker.get_vocab() if "\u0120" in piece.strip("\u0120")]

    for model in ("bpe", "unigram"):
        assert phrases(speakers[model, True])
        assert not phrases(speakers[model, False])


def test_bpe_merges_are_those_of_the_library(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from domain.tokenizer.train import splitter

    peer = Tokenizer(models.BPE())
    peer.pre_tokenizer = splitter("alone", multiword=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    peer.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=320, min_frequency=2, initial_alphabet=alphabet, special_tokens=[BEGIN, END, PAD],
            show_progress=False,
        ),
    )  # fmt: skip
    train(iter(TEXTS), pieces=320, out=tmp_path)
    assert load_tokenizer(tmp_path).get_vocab() == peer.get_vocab()


def test_what_a_masked_model_needs(tmp_path: Path) -> None:
    train(iter(TEXTS), pieces=300, objective="masked", out=tmp_path)
    speaker = load_tokenizer(tmp_path)
    assert (speaker.mask_token, speaker.cls_token, speaker.sep_token) == (MASK, BEGIN, END)
    ids = speaker("income")["input_ids"]
    assert (ids[0], ids[-1]) == (speaker.cls_token_id, speaker.sep_token_id)


def test_what_span_corruption_needs(tmp_path: Path) -> None:
    train(iter(TEXTS), pieces=420, objective="span", out=tmp_path)
    speaker = load_tokenizer(tmp_path)
    assert len(speaker) == 420
    assert [speaker.convert_tokens_to_ids(f"<extra_id_{n}>") for n in (0, 99)] == [419, 320]  # T5 counts backwards
    assert speaker("income")["input_ids"][-1] == speaker.eos_token_id


def test_the_smallest_vocabulary() -> None:
    assert [smallest(objective) for objective in ("causal", "masked", "span")] == [259, 260, 359]


@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_more_pieces_than_the_text_supports(tmp_path: Path, model: Any) -> None:
    with pytest.raises(UserError, match=r"supports 2\d\d pieces, not 50,000.*ask for fewer"):
        train(iter(["abc abc"]), model=model, pieces=50_000, out=tmp_path)


def test_frequent_words_are_pieces_of_a_unigram_model() -> None:
    pieces = dict(unigram({"interest": 500, "income": 300, "intercom": 1}, 270))
    assert {"interest", "income"} <= pieces.keys()
    assert pieces["interest"] > pieces["income"]
    total = np.exp(list(pieces.values())).sum()
    assert total == pytest.approx(1.0, abs=0.05)  # log probabilities, rare ones damped
    assert len(pieces) == 270


def test_words_beyond_the_bound_are_stood_for() -> None:
    counts = {"aa": 5, "bb": 2, "cc": 2, "dd": 2}
    words, times = chosen(counts, 4)
    assert len(words) == 2
    assert words[0] == "aa"
    assert times.tolist() == [5.0, 6.0]  # one of three stands for all


def test_digamma() -> None:
    # Abramowitz and Stegun, table 6.1: psi(1) is minus Euler's constant, psi(1.5) and psi(2) as printed.
    expected = [-0.5772156649, 0.0364899740, 0.4227843351]
    assert digamma(np.array([1.0, 1.5, 2.0])).tolist() == pytest.approx(expected, abs=1e-7)
