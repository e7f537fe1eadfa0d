"""Denoising: restore a text from a noised one, as BART does (arXiv 1910.13461, section 2.2)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from domain.settings.objectives import Denoising
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import Batch
from domain.tokens.packing import Rows
from domain.training.objectives.documents import DocumentTexts, before, documents, noise, pick, seq2seq, within

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class DenoisingObjective:
    """Permutes the sentences of a document and replaces spans by one mask each; the target is the original text.

    Span lengths are Poisson and add up to ``share`` of the document's tokens; for a span of length 0 a mask is
    inserted. One mask stands for a span of any length, so the model also learns how much is missing. Each document, or
    part of one, has begin and end tokens on both sides; the decoder starts from the end token, as in BART.
    """

    def __init__(self, spec: Denoising, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec, self.seed, self.special = spec, seed, SpecialTokens(tokenizer)
        self.mask = self.special.mask  # raises UserError if there is none
        begin, end = self.special.begin, self.special.end
        self.frame = [end] if begin == end else [begin, end]
        self.poisson = cumulative(spec.length)

    def raw(self, context: int) -> int:
        """``context`` less begin and end: the first and last document of a row may lack them and get them here."""
        return context - len(self.frame)

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, raw + 1] -> inputs and targets of at most ``context`` tokens."""
        count, raw = rows.tokens.shape[0], rows.tokens.shape[1] - 1
        drawn = noise(self.seed, number, (count, raw), 3)
        framed = np.arange(raw + 1) + len(self.frame)
        texts = documents(rows, drawn, self.special.begin, self.special.end).fitted(framed)
        noised = self.permuted(texts) if self.spec.permute else texts.tokens
        return seq2seq(
            texts,
            self.framed(*self.infilled(replace(texts, tokens=noised))),
            self.framed(texts.tokens, texts.sizes),
            start=self.special.end,
            pad=self.special.pad,
            count=count,
            most=int(framed[-1]),
        )

    def permuted(self, texts: DocumentTexts) -> np.ndarray:
        """The tokens, with the sentences of each document in random order; a run of stop pieces ends one sentence."""
        stops = self.special.stops[texts.tokens]
        opens = within(texts.sizes) == 0
        opens[1:] |= stops[:-1] & ~stops[1:]
        first = np.flatnonzero(opens)
        lengths = np.diff(np.append(first, len(opens)))
        order = np.argsort(texts.owners[first] + texts.noise[0][first], kind="stable")
        lengths, first = lengths[order], first[order]
        permuted: np.ndarray = texts.tokens[np.repeat(first, lengths) + within(lengths)]
        return permuted

    def infilled(self, texts: DocumentTexts) -> tuple[np.ndarray, np.ndarray]:
        """(Tokens, number of tokens per document) with a mask for each span; a document never gets longer."""
        sizes, owners = texts.sizes, texts.owners

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(owners, weights=values, minlength=len(sizes)).astype(np.int64)

        # A length is drawn at each token; the first ones of a document become its spans, until they cover the share.
        lengths = self.poisson.searchsorted(texts.noise[1], side="right")
        left = np.rint(sizes * self.spec.share).astype(np.int64)[owners] - before(lengths, sizes)
        spans, lengths = left > 0, np.minimum(lengths, left)
        empty = spans & (lengths == 0)
        hidden = total(np.where(spans, lengths, 0))
        spans &= ~empty | (before(empty, sizes) < (hidden - total(spans & ~empty))[owners])
        # Positions: masks and remaining tokens, in any order.
        masks = total(spans)
        slots = sizes - hidden + masks
        masked = pick(slots, masks, texts.noise[2][within(sizes) < slots[owners]])
        read = np.ones(len(masked), dtype=np.int64)
        read[masked] = lengths[spans]
        tokens = np.append(texts.tokens, self.mask)[np.cumsum(read) - read]
        return np.where(masked, self.mask, tokens), slots

    def framed(self, tokens: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each text with begin and end tokens, and the resulting sizes."""
        ends = np.cumsum(sizes)
        at = np.column_stack((ends - sizes, ends))[:, -len(self.frame) :].ravel()
        return np.insert(tokens, at, np.tile(self.frame, len(sizes))), sizes + len(self.frame)


def cumulative(mean: float) -> np.ndarray:
    """float64: P(length <= 0), P(length <= 1), ... of the Poisson distribution, until it is 1 in float64."""
    lengths = range(20 + int(mean + 20 * mean**0.5))
    return np.cumsum([math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in lengths])
