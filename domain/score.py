"""Bits per byte and negative log-likelihood of documents, for validation and evals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from domain.machine import Machine
from domain.model.device import autocast
from domain.progress import progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Limits of a forward pass: tokens, and logits (tokens times vocabulary, 4 bytes each, 2 in bf16), which is the tighter
# one for large vocabularies. At least one row is always taken.
TOKENS_AT_ONCE = {"cpu": 4_096, "cuda": 32_768}
LOGITS_PER_PASS = {"cpu": 2**25, "cuda": 2**30}
LOSSES_AT_ONCE = 2**24  # logits converted to fp32 at once for their loss: 64 MB, and as much for the softmax


def bits_per_byte(nats: float, size: float) -> float:
    """Nats of a text of ``size`` UTF-8 bytes (above 0) in bits per byte, comparable across tokenizers."""
    return nats / math.log(2.0) / size


def windows(ids: np.ndarray, begin: int, context: int) -> list[tuple[np.ndarray, int]]:
    """(Window of at most ``context + 1`` ids, number of its last ids to score); every id is scored exactly once.

    The first window begins with the begin token, later ones with the last token of the previous window; the last window
    is extended to the left until it is full, so that its tokens have context. This is the rolling log-likelihood of
    lm-evaluation-harness (``get_rolling_token_windows`` with ``context_len=1``). A text without ids has no window.
    """
    framed = np.concatenate(([begin], ids))
    cuts = [(start, min(start + context, len(ids))) for start in range(0, len(ids), context)]
    return [(framed[max(0, stop - context) : stop + 1], stop - start) for start, stop in cuts]


@torch.inference_mode()
def document_nats(
    model: PreTrainedModel,
    documents: Sequence[np.ndarray],
    *,
    begin: int,
    context: int,
    machine: Machine,
    what: str = "score",
) -> np.ndarray:
    """float64 [documents]: the negative log-likelihood of each document in nats; dropout is off.

    ``documents`` are ids without begin and end; the end token is not scored, since it contains no bytes of the text.
    Windows are sorted by length to reduce padding; results are in the order of the documents.
    """
    device = next(model.parameters()).device
    pieces = [(index, *window) for index, ids in enumerate(documents) for window in windows(ids, begin, context)]
    pieces.sort(key=lambda piece: -len(piece[1]))
    nats = np.zeros(len(documents), dtype=np.float64)
    bar = progress(what=what, total=sum(scored for _, _, scored in pieces), unit="tok")
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    most = min(TOKENS_AT_ONCE[device.type], LOGITS_PER_PASS[device.type] // vocabulary)
    learning = model.training
    model.eval()
    start = 0
    while start < len(pieces):
        chunk = pieces[start : start + max(1, most // len(pieces[start][1]))]
        losses = window_nats(model, [(window, scored) for _, window, scored in chunk], device, machine)
        for (index, _, scored), loss in zip(chunk, losses, strict=True):
            nats[index] += loss
            bar.update(scored)
        start += len(chunk)
    bar.close()
    model.train(learning)
    return nats


def window_nats(
    model: PreTrainedModel, batch: Sequence[tuple[np.ndarray, int]], device: torch.device, machine: Machine
) -> list[float]:
    """Summed negative log-likelihood of the scored ids of each window, in nats.

    Padding is on the right, so causal attention hides it from the scored ids, and learned positions (GPT-2) count from
    the first id of each window.
    """
    longest = max(len(window) for window, _ in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.int64)
    labels = torch.full((len(batch), longest - 1), -100, dtype=torch.int64)
    for row, (window, scored) in enumerate(batch):
        end = len(window)
        ids[row, :end] = torch.from_numpy(window)
        labels[row, end - 1 - scored : end - 1] = ids[row, end - scored : end]
    ids, labels = ids.to(device), labels.to(device)
    with autocast(device, machine):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    logits, wanted = logits.flatten(0, 1), labels.flatten()
    step = max(1, LOSSES_AT_ONCE // logits.shape[-1])
    losses = [
        functional.cross_entropy(
            logits[at : at + step].float(), wanted[at : at + step], ignore_index=-100, reduction="none"
        )
        for at in range(0, len(wanted), step)
    ]
    return list(torch.cat(losses).view(labels.shape).double().sum(dim=1).tolist())
