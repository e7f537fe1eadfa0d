"""The one bits-per-byte, for the training loop's validation and for the evals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional

from domain.machine import Machine
from domain.model.device import autocast
from domain.progress import progress

TOKENS_AT_ONCE = {"cpu": 4_096, "cuda": 32_768}  # in a forward pass; bounds the logits at this times the vocabulary


def bits_per_byte(nats: float, size: float) -> float:
    """Nats over a text of ``size`` UTF-8 bytes, in bits per byte: what models of any tokenizer share."""
    return nats / math.log(2.0) / size


def windows(ids: np.ndarray, begin: int, context: int) -> list[np.ndarray]:
    """The windows (at most ``context + 1`` ids) in which every id but each window's first is predicted, once in all.

    The first window is conditioned on the begin token, each later one on the last token of the one before: the
    rolling log-likelihood of lm-evaluation-harness. A text without ids has no window.
    """
    framed = np.concatenate(([begin], ids))
    return [framed[start : start + context + 1] for start in range(0, len(framed) - 1, context)]


@torch.inference_mode()
def document_nats(
    model: Any, documents: Sequence[np.ndarray], *, begin: int, context: int, machine: Machine, what: str = "score"
) -> np.ndarray:
    """float64 [documents]: the negative log-likelihood of each document in nats.

    ``documents`` are ids without begin and end; the end token is not scored, since no byte of the text is in it.
    Windows go through the model sorted by length, so that little is padded; the order of results is the documents'.
    """
    device = next(model.parameters()).device
    pieces = [(index, w) for index, ids in enumerate(documents) for w in windows(ids, begin, context)]
    pieces.sort(key=lambda piece: -len(piece[1]))
    nats = np.zeros(len(documents), dtype=np.float64)
    bar = progress(what=what, total=sum(len(w) - 1 for _, w in pieces), unit="tok")
    start = 0
    while start < len(pieces):
        rows = max(1, TOKENS_AT_ONCE[device.type] // len(pieces[start][1]))
        chunk = pieces[start : start + rows]
        losses = window_nats(model, [w for _, w in chunk], device, machine)
        for (index, window), loss in zip(chunk, losses, strict=True):
            nats[index] += loss
            bar.update(len(window) - 1)
        start += rows
    bar.close()
    return nats


def window_nats(model: Any, batch: list[np.ndarray], device: torch.device, machine: Machine) -> list[float]:
    """The summed negative log-likelihood of each window's ids after its first.

    Padding stands to the right, so that causal attention keeps it out of sight of what is scored.
    """
    longest = max(map(len, batch))
    ids = torch.zeros((len(batch), longest), dtype=torch.int64)
    labels = torch.full((len(batch), longest - 1), -100, dtype=torch.int64)
    for row, window in enumerate(batch):
        ids[row, : len(window)] = torch.from_numpy(window.astype(np.int64))
        labels[row, : len(window) - 1] = ids[row, 1 : len(window)]
    ids, labels = ids.to(device), labels.to(device)
    with autocast(device, machine):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    losses = functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100, reduction="none"
    )
    return list(losses.view(labels.shape).double().sum(dim=1).tolist())
