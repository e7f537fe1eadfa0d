"""The loop looks at held-out text: bits per byte of what the objective has the model predict, by part."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from domain.artifacts import PARTS, Tokens
from domain.machine import Machine
from domain.model.device import autocast
from domain.model.vocabulary_map import Spelling
from domain.score import bits_per_byte
from domain.settings.learning import MICRO_BATCH, Validation
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import Rows, Source
from domain.tokens.shards import Shards
from domain.training.objectives import TextObjective
from domain.training.prefetch import unlearned
from domain.training.ranks import Ranks

FIRST = 2**40  # number of the first row: noise is the same at every look, and none that is trained on


class Validator:
    """Validation text as batches, made once; each look is a forward pass over them.

    Of each part as many rows are read as hold about ``spec.bytes``, drawn by ``seed``, documents whole where they fit.
    Bits are those of the predicted pieces, special ones left out, bytes what these pieces spell; so models with
    different tokenizers compare. A part without validation text is not there.
    """

    def __init__(
        self,
        tokens: Tokens,
        objective: TextObjective,
        tokenizer: Any,
        spec: Validation,
        *,
        context: int,
        packed: Any,
        seed: int,
        ranks: Ranks,
        machine: Machine,
    ) -> None:
        self.ranks, self.machine = ranks, machine
        sizes = spelled(tokenizer)
        self.batches: dict[str, list[Batch]] = {}
        self.bytes: dict[str, int] = {}
        for part in PARTS:
            shards = Shards(tokens.path / "validation", part)
            numbers = np.flatnonzero(shards.lengths > 0)
            if not len(numbers):
                continue
            source = Source(shards, part, "validation", numbers, shards.lengths[numbers])
            rows = packed(source, context=objective.raw(context), seed=seed)
            share = min(1.0, spec.bytes / max(1, int(shards.sizes[numbers].sum())))
            count = max(1, round(share * rows.rows(1)))
            each = max(1, MICRO_BATCH[ranks.device.type] // context)
            # Every rank goes as often through the model: what is missing at the end are rows without labels.
            turns = -(-count // (each * ranks.size))
            made, spelled_bytes = [], 0
            for turn in range(turns):
                first = (turn * ranks.size + ranks.rank) * each
                wanted = range(first, min(first + each, count))
                batch = objective(read(rows, wanted or range(1)), FIRST + first)
                batch = silenced(batch, sizes) if wanted else unlearned(batch, IGNORED, torch.device("cpu"))
                spelled_bytes += int(sizes[batch.labels[batch.labels != IGNORED]].sum())
                made.append(batch)
            self.batches[part] = made
            self.bytes[part] = ranks.sum_ints(spelled_bytes)[0]

    @torch.no_grad()
    def __call__(self, model: Any, head: Any, attention: Any) -> dict[str, float]:
        """Bits per byte by part; the model learns on as before."""
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


def spelled(tokenizer: Any) -> torch.Tensor:
    """int64 [ids]: how many bytes of text each piece stands for; 0 for special ones, and where there is no piece."""
    spelling, pieces = Spelling(tokenizer), tokenizer.get_vocab()
    sizes = torch.zeros(1 + max(pieces.values()), dtype=torch.int64)
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    for piece, number in pieces.items():
        if number not in special:
            sizes[number] = len(spelling.read(piece))
    return sizes


def silenced(batch: Batch, sizes: torch.Tensor) -> Batch:
    """The batch with nothing to predict but text."""
    text = sizes[batch.labels.clamp(min=0)] > 0
    labels = torch.where(text, batch.labels, IGNORED)
    return Batch(inputs=batch.inputs, labels=labels, valid=batch.valid, segments=batch.segments)


def read(rows: Any, numbers: range) -> Rows:
    """These rows of a packed source."""
    length = rows.context + 1
    tokens = np.empty((len(numbers), length), dtype=np.int64)
    segments = np.empty_like(tokens)
    for place, number in enumerate(numbers):
        rows.write(number, tokens[place], segments[place])
    return Rows(tokens, segments)
