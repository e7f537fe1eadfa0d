"""Causal: predict the next token, every document for itself (teacher forcing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from domain.settings.objectives import Causal
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class CausalObjective:
    """Inputs are the first ``context`` tokens of a row, labels the same shifted by one.

    A document's first token is never predicted from the document before it, and padding never at all. Nothing is
    drawn: ``tokenizer`` and ``seed`` are what every objective is given.
    """

    def __init__(self, spec: Causal, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec = spec

    def raw(self, context: int) -> int:
        """As many tokens of text as the model is given: the row's last is a label only."""
        return context

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, context + 1] -> inputs and labels [rows, context]."""
        tokens, segments = torch.from_numpy(rows.tokens), torch.from_numpy(rows.segments)
        here, after = segments[:, :-1].contiguous(), segments[:, 1:]
        labels = torch.where((here == after) & (after != PADDING), tokens[:, 1:], IGNORED)
        return Batch(
            inputs={"input_ids": tokens[:, :-1].contiguous()},
            labels=labels,
            valid=int((labels != IGNORED).sum()),
            segments={"input_ids": here},
        )
