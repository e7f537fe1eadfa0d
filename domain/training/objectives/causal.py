"""Causal: predict the next token, within each document."""

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

    A document's first token is not predicted from the previous document, and padding is never predicted. There is no
    noise; ``tokenizer`` and ``seed`` are accepted because every objective takes them.
    """

    def __init__(self, spec: Causal, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec = spec

    def raw(self, context: int) -> int:
        """``context``: the last token of a row is only a label."""
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
