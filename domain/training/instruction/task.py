"""The instruction tuning task: batches of examples, and held-out answers for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from domain.settings.objectives import Family
from domain.tokenizer.special_tokens import SpecialTokens
from domain.training.instruction.batches import ExamplePacking, Gathered, InstructionBatches
from domain.training.instruction.chat import ChatExample
from domain.training.instruction.validation import add_answers
from domain.training.objectives.instruct import InstructObjective
from domain.training.task import Limits, TrainingPlace, TrainingTask
from domain.training.validation import Validator

if TYPE_CHECKING:
    from domain.training.tune import Tuning


@dataclass
class InstructionReading:
    """Call it with the place of the training to get the task; afterwards ``facts`` reports what was read."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    family: Family
    spec: Tuning
    learned: Sequence[ChatExample]
    held_out: Sequence[ChatExample]
    context: int
    batches: InstructionBatches = field(init=False)
    packing: ExamplePacking = field(init=False)

    def __call__(self, place: TrainingPlace) -> TrainingTask[Gathered]:
        """The task; examples share rows only if the model's attention can mask them from each other."""
        spec, context = self.spec, self.context
        self.packing = spec.packing if place.attention.packed else "separate"
        self.batches = InstructionBatches(
            self.learned, self.family, rows=spec.batch // context, context=context, epochs=spec.epochs,
            seed=spec.seed, packing=self.packing,
        )  # fmt: skip
        start = getattr(self.model.config, "decoder_start_token_id", None) or 0
        objective = InstructObjective(self.family, most=context, pad=SpecialTokens(self.tokenizer).pad, start=start)
        validator = Validator(self.tokenizer, place.ranks, place.machine) if self.held_out else None
        if validator:
            add_answers(
                validator, self.held_out, objective, limit=spec.validation.bytes, context=context, packing=self.packing
            )
        return TrainingTask(
            batches=self.batches,
            objective=objective,
            validator=validator,
            limits=Limits(every=spec.validation.every),
            z_loss=spec.objective.z_loss,
        )

    def facts(self) -> dict[str, Any]:
        """Epochs, and the packing with its share of padding."""
        return {
            "epochs": round(self.batches.epochs, 4),
            "packing": {"kind": self.packing, "padding": round(self.batches.padding, 4)},
        }
