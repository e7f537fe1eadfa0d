"""The loop looks at answers that it does not learn from: their bits per byte, special tokens left out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch

from domain.machine import Machine
from domain.settings.learning import MICRO_BATCH
from domain.tokens.batch import IGNORED, Batch
from domain.training.instruction.batches import Gathered, InstructionBatches, Seating
from domain.training.instruction.chat import ChatExample
from domain.training.objectives.instruct import InstructObjective
from domain.training.prefetch import unlearned
from domain.training.ranks import Ranks
from domain.training.validation import Validator, silenced, spelled


class Answers(Validator):
    """Held-out examples in place of validation text, as the part ``answers``; otherwise a ``Validator``.

    Of ``examples`` as many as have ``most`` bytes of answers are scored, the first ones.
    """

    def __init__(
        self,
        examples: Sequence[ChatExample],
        objective: InstructObjective,
        tokenizer: Any,
        *,
        most: int,
        context: int,
        packing: Seating,
        ranks: Ranks,
        machine: Machine,
    ) -> None:
        self.ranks, self.machine = ranks, machine
        sizes = spelled(tokenizer)
        answer_bytes = accumulate(int(sizes[torch.from_numpy(e.tokens[e.learned])].sum()) for e in examples)
        scored = examples[: 1 + sum(size < most for size in answer_bytes)]
        tasks = InstructionBatches(scored, objective.family, rows=len(scored), context=context, packing=packing)
        each = max(1, MICRO_BATCH[ranks.device.type] // context)
        # As in ``Validator`` every rank goes as often through the model.
        turns = -(-tasks.rows // (each * ranks.size))
        made: list[Batch] = []
        for turn in range(turns):
            first = (turn * ranks.size + ranks.rank) * each
            wanted = range(first, min(first + each, tasks.rows))
            batch = objective(Gathered(tasks.read(wanted or range(1)), slice(None)), 0)
            made.append(silenced(batch, sizes) if wanted else unlearned(batch, IGNORED, torch.device("cpu")))
        total_bytes = sum(int(sizes[batch.labels[batch.labels != IGNORED]].sum()) for batch in made)
        self.batches, self.bytes = {"answers": made}, {"answers": ranks.sum_ints(total_bytes)[0]}
