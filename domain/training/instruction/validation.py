"""Validation during instruction tuning: bits per byte of held-out answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch

from domain.tokens.batch import Batch
from domain.training.instruction.batches import ExamplePacking, Gathered, InstructionBatches
from domain.training.instruction.chat import ChatExample
from domain.training.objectives.instruct import InstructObjective
from domain.training.validation import Validator


def add_answers(
    validator: Validator,
    examples: Sequence[ChatExample],
    objective: InstructObjective,
    *,
    limit: int,
    context: int,
    packing: ExamplePacking,
) -> None:
    """Add the first ``examples`` whose answers together have ``limit`` bytes, as the part ``answers``."""
    sizes = accumulate(int(validator.sizes[torch.from_numpy(e.tokens[e.learned])].sum()) for e in examples)
    scored = examples[: 1 + sum(size < limit for size in sizes)]
    batches = InstructionBatches(scored, objective.family, rows=len(scored), context=context, packing=packing)

    def batch_of(rows: range) -> Batch:
        return objective(Gathered(batches.read(rows), slice(None)), 0)

    validator.add("answers", batches.rows, context, batch_of)
