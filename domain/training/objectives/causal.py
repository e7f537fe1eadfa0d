"""Causal: predict the next token, every document for itself (teacher forcing)."""

from __future__ import annotations

import torch

from domain.tokens.packing import PADDING, Rows, positions
from domain.training.objectives import IGNORED, Batch


def causal(rows: Rows, index: int) -> Batch:
    """Inputs are the first ``context`` tokens, labels the same shifted by one.

    A document's first token is never predicted from the document before it. Padding is never predicted;
    its positions see each other like a document's, since a softmax over nothing is NaN. Attention is masked
    explicitly, [rows, 1, context, context] bool: restarted positions alone leak through some
    architectures and caches, the explicit mask is right with scaled-dot-product attention in all.
    """
    tokens, segments = torch.from_numpy(rows.tokens), torch.from_numpy(rows.segments)
    here, after = segments[:, :-1], segments[:, 1:]
    labels = torch.where((here == after) & (after != PADDING), tokens[:, 1:], IGNORED)
    length = here.shape[1]
    order = torch.arange(length)
    mask = (here[:, :, None] == here[:, None, :]) & (order[:, None] >= order[None, :])
    inputs = {
        "input_ids": tokens[:, :-1].contiguous(),
        "position_ids": torch.from_numpy(positions(rows.segments[:, :-1])),
        "attention_mask": mask[:, None],
    }
    return Batch(inputs=inputs, labels=labels, valid=int((labels != IGNORED).sum()))
