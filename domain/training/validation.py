"""Validation during training: bits per byte of what the objective predicts on held-out text, by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from domain.artifacts import PARTS, Tokens
from domain.machine import Machine
from domain.model.device import autocast
from domain.score import bits_per_byte
from domain.settings.learning import MICRO_BATCH, Validation
from domain.tokenizer.vocabulary_map import Spelling
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import Packed, Rows, SourceDocuments
from domain.tokens.shards import Shards
from domain.training.objectives import TextObjective
from domain.training.prefetch import without_labels
from domain.training.ranks import Ranks

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from domain.model.attention import Attention
    from domain.training.loss_head import Head

FIRST = 2**40  # number of the first validation row: its noise is the same every time and never that of a training row


class Validator:
    """Held-out rows as batches, made once and scored with a forward pass each time the validator is called.

    Bits are those of the predicted pieces without special tokens, and bytes are those that the pieces spell, so models
    with different tokenizers are comparable.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, ranks: Ranks, machine: Machine) -> None:
        self.ranks, self.machine, self.sizes = ranks, machine, spelled_bytes(tokenizer)
        self.batches: dict[str, list[Batch]] = {}
        self.bytes: dict[str, int] = {}

    def add(self, part: str, rows: int, context: int, batch_of: Callable[[range], Batch]) -> None:
        """Score ``rows`` rows of ``context`` tokens as ``part``; ``batch_of`` makes the batch of a range of rows.

        All ranks make the same number of forward passes: one that runs out of rows takes the first without labels.
        """
        each = max(1, MICRO_BATCH[self.ranks.device.type] // context)
        batches, size = [], 0
        for turn in range(-(-rows // (each * self.ranks.size))):
            first = (turn * self.ranks.size + self.ranks.rank) * each
            own = range(first, min(first + each, rows))
            batch = batch_of(own or range(1))
            batch = only_text_labels(batch, self.sizes) if own else without_labels(batch, IGNORED, torch.device("cpu"))
            size += int(self.sizes[batch.labels[batch.labels != IGNORED]].sum())
            batches.append(batch)
        self.batches[part], self.bytes[part] = batches, self.ranks.sum_ints(size)[0]

    @torch.no_grad()
    def __call__(self, model: PreTrainedModel, head: Head, attention: Attention) -> dict[str, float]:
        """Bits per byte by part; the model is back in training mode afterwards."""
        model.eval()
        scores = {}
        for part, batches in self.batches.items():
            nats = torch.zeros((), device=self.ranks.device, dtype=torch.float64)
            for batch in batches:
                few = batch.part(0, len(batch.labels), self.ranks.device)
                with autocast(self.ranks.device, self.machine):
                    nats += head.loss(attention(few), few.labels)
            if self.bytes[part]:
                scores[part] = round(bits_per_byte(float(self.ranks.all_reduce(nats)), self.bytes[part]), 6)
        model.train()
        return scores


def add_text(
    validator: Validator,
    tokens: Tokens,
    objective: TextObjective,
    spec: Validation,
    *,
    context: int,
    packed: Callable[..., Packed],
    seed: int,
) -> None:
    """Add the validation text of each part, about ``spec.bytes`` of it, drawn by ``seed``.

    ``packed`` packs documents into rows. A part without validation text is left out.
    """
    raw = objective.raw(context)
    for part in PARTS:
        shards = Shards(tokens.path / "validation", part)
        numbers = np.flatnonzero(shards.lengths > 0)
        if not len(numbers):
            continue
        source = packed(
            SourceDocuments(shards, part, "validation", numbers, shards.lengths[numbers]), context=raw, seed=seed
        )
        share = min(1.0, spec.bytes / max(1, int(shards.sizes[numbers].sum())))

        def batch_of(rows: range, source: Packed = source) -> Batch:
            return objective(read(source, rows, raw), FIRST + rows.start)

        validator.add(part, max(1, round(share * source.rows(1))), context, batch_of)


def spelled_bytes(tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """int64 [ids]: the bytes of text that each piece spells; 0 for special tokens and unassigned ids."""
    spelling, pieces = Spelling(tokenizer), tokenizer.get_vocab()
    sizes = torch.zeros(1 + max(pieces.values()), dtype=torch.int64)
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    for piece, number in pieces.items():
        if number not in special:
            sizes[number] = len(spelling.read(piece))
    return sizes


def only_text_labels(batch: Batch, sizes: torch.Tensor) -> Batch:
    """The batch without labels that spell no text, such as special tokens."""
    text = sizes[batch.labels.clamp(min=0)] > 0
    labels = torch.where(text, batch.labels, IGNORED)
    return Batch(inputs=batch.inputs, labels=labels, valid=batch.valid, segments=batch.segments)


def read(source: Packed, numbers: range, context: int) -> Rows:
    """These rows of a packed source, int64 [rows, context + 1]."""
    tokens = np.empty((len(numbers), context + 1), dtype=np.int64)
    segments = np.empty_like(tokens)
    for place, number in enumerate(numbers):
        source.write(number, tokens[place], segments[place])
    return Rows(tokens, segments)
