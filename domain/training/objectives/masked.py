"""Masked: predict hidden tokens from both sides (BERT, arXiv 1810.04805), hidden anew at every pass (RoBERTa)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from domain.settings.objectives import Masked
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows
from domain.training.objectives.documents import noise
from domain.training.objectives.special_tokens import SpecialTokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MASK, RANDOM = 0.8, 0.1  # of the selected tokens become the mask, and any other; the rest stay (arXiv 1810.04805, 3.1)


class MaskedObjective:
    """A share of the tokens of text is selected, each for itself or each word as a whole, and predicted.

    Begin, end and other special tokens never are. Of a selected word each piece is masked, replaced or left for itself,
    as in BERT's own code. A word that a row's end cuts is one in either row.
    """

    def __init__(self, spec: Masked, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec, self.seed, self.special = spec, seed, SpecialTokens(tokenizer)
        self.mask = self.special.mask  # a tokenizer without one is refused before training

    def raw(self, context: int) -> int:
        """As many tokens of text as the model is given."""
        return context

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, context + 1] -> inputs and labels [rows, context]; the last token is the next row's."""
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
        """int64 [rows, length]: where the word of each position begins."""
        opens = self.special.starts[tokens]
        opens[:, 1:] |= ~text[:, :-1] | (segments[:, 1:] != segments[:, :-1])
        return np.maximum.accumulate(np.where(opens, np.arange(tokens.shape[1]), 0), axis=1)
