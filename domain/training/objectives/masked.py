"""Masked: predict masked tokens from both sides (BERT, arXiv 1810.04805), with new masks each epoch (RoBERTa)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from domain.settings.objectives import Masked
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows
from domain.training.objectives.documents import noise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MASK, RANDOM = 0.8, 0.1  # shares of selected tokens: masked, replaced; the rest stay (arXiv 1810.04805, 3.1)


class MaskedObjective:
    """Selects a share of the text tokens, single pieces or whole words, and predicts them.

    Special tokens are never selected. Each piece of a selected word is masked, replaced or left on its own, as in
    BERT's code. A word that is split at the end of a row counts as two.
    """

    def __init__(self, spec: Masked, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec, self.seed, self.special = spec, seed, SpecialTokens(tokenizer)
        self.mask = self.special.mask  # raises UserError if there is none

    def raw(self, context: int) -> int:
        """``context``: inputs are as long as the text."""
        return context

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, context + 1] -> inputs and labels [rows, context]; the last token belongs to the next row."""
        tokens, segments = rows.tokens[:, :-1], rows.segments[:, :-1]
        filled = segments != PADDING
        text = filled & self.special.text[tokens]
        selecting, changing = noise(self.seed, number, tokens.shape, 2)
        if self.spec.whole_words:
            selecting = np.take_along_axis(selecting, self.words(tokens, segments, text), axis=1)
        selected = text & (selecting < self.spec.share)
        inputs = np.where(filled, tokens, self.special.pad)
        inputs[selected & (changing < MASK)] = self.mask
        replaced = selected & (changing >= MASK) & (changing < MASK + RANDOM)
        which = (changing[replaced] - MASK) / RANDOM * len(self.special.ordinary)
        inputs[replaced] = self.special.ordinary[which.astype(np.int64)]
        return Batch(
            inputs={"input_ids": torch.from_numpy(inputs)},
            labels=torch.from_numpy(np.where(selected, tokens, IGNORED)),
            valid=int(selected.sum()),
            segments={"input_ids": torch.from_numpy(np.ascontiguousarray(segments))},
        )

    def words(self, tokens: np.ndarray, segments: np.ndarray, text: np.ndarray) -> np.ndarray:
        """int64 [rows, length]: the position at which each token's word begins."""
        opens = self.special.starts[tokens]
        opens[:, 1:] |= ~text[:, :-1] | (segments[:, 1:] != segments[:, :-1])
        return np.maximum.accumulate(np.where(opens, np.arange(tokens.shape[1]), 0), axis=1)
