"""Denoising: write a text anew from what is left of it, as BART does (arXiv 1910.13461, section 2.2)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from domain.settings.objectives import Denoising
from domain.tokens.batch import Batch
from domain.tokens.packing import Rows
from domain.training.objectives.documents import DocumentTexts, before, documents, noise, pick, seq2seq, within
from domain.training.objectives.special_tokens import SpecialTokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class DenoisingObjective:
    """The sentences of a document in another order, and one mask for each of some spans; the target is the text.

    Spans have Poisson lengths that sum up to the share of the document's tokens; where one has length 0, a mask is put
    in. Neither more nor less than one mask stands for a span, so that how much is missing is learned as well. Every
    document, or piece of one, has its begin and end on both sides; the decoder starts from the end token, as BART's.
    """

    def __init__(self, spec: Denoising, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec, self.seed, self.special = spec, seed, SpecialTokens(tokenizer)
        self.mask = self.special.mask  # a tokenizer without one is refused before training
        begin, end = self.special.begin, self.special.end
        self.frame = [end] if begin == end else [begin, end]
        self.poisson = cumulative(spec.length)

    def raw(self, context: int) -> int:
        """Begin and end are put to each document that a row holds without them; the first and the last may need it."""
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
        """The tokens with the sentences of each document in a random order; a run of stops ends one sentence."""
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
        """(Tokens, tokens of each document) with a mask for each span; never more tokens than there were."""
        sizes, owners = texts.sizes, texts.owners

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(owners, weights=values, minlength=len(sizes)).astype(np.int64)

        # Each token draws a length; the first ones of a document are its spans, until they hide enough.
        lengths = self.poisson.searchsorted(texts.noise[1], side="right")
        left = np.rint(sizes * self.spec.share).astype(np.int64)[owners] - before(lengths, sizes)
        spans, lengths = left > 0, np.minimum(lengths, left)
        empty = spans & (lengths == 0)
        hidden = total(np.where(spans, lengths, 0))
        spans &= ~empty | (before(empty, sizes) < (hidden - total(spans & ~empty))[owners])
        # Where they lie: masks and tokens that stay, in any order.
        masks = total(spans)
        slots = sizes - hidden + masks
        masked = pick(slots, masks, texts.noise[2][within(sizes) < slots[owners]])
        read = np.ones(len(masked), dtype=np.int64)
        read[masked] = lengths[spans]
        tokens = np.append(texts.tokens, self.mask)[np.cumsum(read) - read]
        return np.where(masked, self.mask, tokens), slots

    def framed(self, tokens: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each text between begin and end; and how many tokens it has then."""
        ends = np.cumsum(sizes)
        at = np.column_stack((ends - sizes, ends))[:, -len(self.frame) :].ravel()
        return np.insert(tokens, at, np.tile(self.frame, len(sizes))), sizes + len(self.frame)


def cumulative(mean: float) -> np.ndarray:
    """float64: P(length <= 0), P(length <= 1), ... of the Poisson distribution, until nothing is left to 1."""
    lengths = range(20 + int(mean + 20 * mean**0.5))
    return np.cumsum([math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in lengths])
