"""Pseudo-likelihood of encoders and encoder-decoders: the cost of restoring hidden text, by document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from domain.machine import Machine
from domain.model.device import autocast
from domain.model.masks import Masks
from domain.progress import progress
from domain.settings.learning import MICRO_BATCH
from domain.tokens.batch import IGNORED
from domain.tokens.packing import PADDING, Rows
from domain.training.objectives import TextObjective
from domain.training.validation import FIRST, only_text_labels, spelled_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

DRAWS = 4  # number of times that each text is masked, each with other noise


@torch.inference_mode()
def restored_nats(
    model: PreTrainedModel,
    objective: TextObjective,
    documents: Sequence[np.ndarray],
    sizes: Sequence[int],
    *,
    tokenizer: PreTrainedTokenizerFast,
    context: int,
    machine: Machine,
    what: str = "score",
) -> np.ndarray:
    """float64 [documents]: pseudo-likelihood of each document in nats.

    It is the nats per byte of the hidden pieces, over ``DRAWS`` draws, times the document's bytes. So models with
    different tokenizers are comparable, and documents add up as likelihoods do. ``documents`` are ids with begin and
    end, ``sizes`` their UTF-8 bytes. The noise depends only on the position of the document in the list. A document
    without any hidden piece gets the mean rate.
    """
    device = next(model.parameters()).device
    masks, spells = Masks(model, packed=False), spelled_bytes(tokenizer)  # a row holds one document
    length = objective.raw(context) + 1
    rows, owners = cut(documents, length)
    each = max(1, MICRO_BATCH[device.type] // length)
    nats, hidden_bytes = np.zeros(len(documents)), np.zeros(len(documents))
    bar = progress(what=what, total=DRAWS * len(owners), unit="row")
    learning = model.training
    model.eval()
    for draw in range(DRAWS):
        for start in range(0, len(owners), each):
            few = Rows(rows.tokens[start : start + each], rows.segments[start : start + each])
            batch = only_text_labels(objective(few, FIRST * (draw + 1) + start), spells).part(0, each, device)
            with autocast(device, machine):
                logits = model(**masks(batch), use_cache=False).logits
            losses = functional.cross_entropy(
                logits.flatten(0, 1).float(), batch.labels.flatten(), ignore_index=IGNORED, reduction="none"
            )
            lost = losses.view(batch.labels.shape).double().sum(1).cpu().numpy()
            hidden = torch.where(batch.labels == IGNORED, 0, spells.to(device)[batch.labels.clamp(min=0)]).sum(1)
            np.add.at(nats, owners[start : start + each], lost)
            np.add.at(hidden_bytes, owners[start : start + each], hidden.cpu().numpy())
            bar.update(len(lost))
    bar.close()
    model.train(learning)
    mean = nats.sum() / max(1.0, hidden_bytes.sum())
    rates = np.divide(nats, hidden_bytes, out=np.full(len(nats), mean), where=hidden_bytes > 0)
    return np.asarray(rates * np.asarray(sizes, dtype=np.float64))


def cut(documents: Sequence[np.ndarray], length: int) -> tuple[Rows, np.ndarray]:
    """Split documents into rows of one document each; also returns the document of each row."""
    pieces = [
        (n, ids[at : at + length]) for n, ids in enumerate(documents) for at in range(0, max(1, len(ids)), length)
    ]
    tokens = np.zeros((len(pieces), length), dtype=np.int64)
    segments = np.full((len(pieces), length), PADDING, dtype=np.int64)
    for row, (_, piece) in enumerate(pieces):
        tokens[row, : len(piece)], segments[row, : len(piece)] = piece, 0
    return Rows(tokens, segments), np.array([number for number, _ in pieces], dtype=np.int64)
