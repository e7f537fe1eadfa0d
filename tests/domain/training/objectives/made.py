"""Small tokenizers of each kind as transformers opens them, and rows of framed documents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from domain.tokenizer.encoding.texts import frame
from domain.tokens.packing import PADDING, Rows
from tests.domain.tokenizer import bases


def opened(fast: Any, **special: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=fast, **special)


@lru_cache
def roberta() -> Any:
    """Byte-level BPE, with the special tokens of RoBERTa and BART."""
    from tokenizers import pre_tokenizers

    fast = bases.byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    fast.add_special_tokens(["<s>", "<pad>", "</s>", "<mask>"])
    return opened(
        fast,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        mask_token="<mask>",
        cls_token="<s>",
        sep_token="</s>",
    )


@lru_cache
def bert() -> Any:
    """WordPiece."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    fast = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    fast.normalizer, fast.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    fast.train_from_iterator(bases.GENERAL, trainer)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return opened(fast, pad_token="[PAD]", mask_token="[MASK]", **names)


@lru_cache
def xlmr() -> Any:
    """Unigram over characters, as sentencepiece writes it."""
    return opened(bases.xlmr(), pad_token="<pad>", mask_token="<mask>", cls_token="<s>", sep_token="</s>", **bases.END)


@lru_cache
def t5() -> Any:
    """The same with sentinels, and no token that begins a text."""
    return opened(bases.t5(), pad_token="<pad>", **bases.END)


def rows_of(tokenizer: Any, packed: Sequence[Sequence[Sequence[int]]], raw: int) -> Rows:
    """Rows of ``raw + 1`` tokens: the documents of each, framed, one after the other, cut at its end or padded."""
    begin, end = frame(tokenizer)
    tokens = np.zeros((len(packed), raw + 1), dtype=np.int64)
    segments = np.full_like(tokens, PADDING)
    for row, texts in enumerate(packed):
        at = 0
        for number, text in enumerate(texts):
            framed = [begin, *text, end][: raw + 1 - at]
            tokens[row, at : at + len(framed)] = framed
            segments[row, at : at + len(framed)] = number
            at += len(framed)
    return Rows(tokens, segments)


def streamed(tokenizer: Any, lengths: Sequence[int], rows: int, raw: int, seed: int = 0) -> Rows:
    """Rows cut from one run of documents with so many tokens of text each, over and over; ids are ordinary ones."""
    from domain.tokenizer.special_tokens import SpecialTokens

    begin, end = frame(tokenizer)
    random = np.random.default_rng(seed)
    texts = [random.choice(SpecialTokens(tokenizer).ordinary, length) for length in lengths]
    run = np.concatenate([[begin, *text, end] for text in texts])
    owners = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    at = np.arange(rows)[:, None] * raw + np.arange(raw + 1)
    documents = at // len(run) * len(texts) + owners[at % len(run)]
    return Rows(run[at % len(run)], documents - documents[:, :1])
