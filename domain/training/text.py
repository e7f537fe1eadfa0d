"""The pretraining task: batches of a mixture's text, packed as the model allows, and validation text."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from domain.artifacts import Tokens
from domain.settings.learning import Training
from domain.tokens.batches import PACKINGS, Batches
from domain.tokens.packing import Packing, Rows
from domain.training.objectives import TextObjective
from domain.training.task import Limits, TrainingPlace, TrainingTask
from domain.training.validation import Validator, add_text

logger = logging.getLogger(__name__)


@dataclass
class TextReading:
    """Call it with the place of the training to get the task; afterwards ``facts`` reports what was read."""

    model: PreTrainedModel
    tokens: Tokens
    tokenizer: PreTrainedTokenizerBase
    objective: TextObjective
    spec: Training
    context: int
    rows: int
    steps: int
    what: str
    packing: Packing = field(init=False)
    batches: Batches = field(init=False)

    def __call__(self, place: TrainingPlace) -> TrainingTask[Rows]:
        """The task. Logs warnings for text that is repeated too often and for models that cannot mask documents."""
        spec, ranks = self.spec, place.ranks
        self.packing = spec.packing if place.attention.packed else "separate"
        raw = self.objective.raw(self.context)
        self.batches = Batches(
            self.tokens, spec.mixture, rows=self.rows, context=raw, batches=self.steps, seed=spec.seed,
            packing=self.packing,
        )  # fmt: skip
        if ranks.is_main:
            for warning in self.batches.warnings():
                logger.warning("%s: %s", self.what, warning)
            if self.packing != spec.packing:
                logger.warning(
                    "%s: %s has no document masking; packing disabled", self.what, self.model.config.model_type
                )
        limits = spec.validation
        validator = Validator(self.tokenizer, ranks, place.machine)
        add_text(
            validator, self.tokens, self.objective, limits, context=self.context,
            packed=PACKINGS["best_fit" if self.packing == "stream" else self.packing], seed=spec.seed,
        )  # fmt: skip
        return TrainingTask(
            batches=self.batches,
            objective=self.objective,
            validator=validator,
            limits=Limits(every=limits.every, alarm=limits.alarm, stop=limits.stop),
            z_loss=getattr(spec.objective, "z_loss", 0.0),
        )

    def facts(self) -> dict[str, Any]:
        """Epochs by part and source; packing with its shares of truncated documents and padding."""
        batches = self.batches
        return {
            "epochs": {part: round(times, 4) for part, times in batches.epochs().items()},
            "source_epochs": {
                part: {source: round(times, 4) for source, times in each.items()}
                for part, each in batches.source_epochs().items()
            },
            "packing": {"kind": self.packing, **{name: round(share, 4) for name, share in batches.packed().items()}},
        }
