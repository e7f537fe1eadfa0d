"""The instruction tuning stage: the adapted model learns to follow instructions from examples."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.settings.learning import LONGEST_ROW, Lora, Optimization
from domain.spec import Bytes, Count, Share, Spec
from domain.stage import stage
from domain.training.instruction.examples_file import ExamplesFile

logger = logging.getLogger(__name__)


class Instruct(Spec):
    """Predict the answer to an instruction."""

    kind: Literal["instruct"] = "instruct"
    z_loss: Annotated[float, Field(ge=0.0, le=1.0, description="weight of log(Z)^2, which keeps logits small")] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class HeldOut(Spec):
    """Examples held out for validation."""

    every: Annotated[
        int, Field(ge=0, le=10**9, description="steps between validations, and after the last step; 0: never")
    ] = 50
    bytes: Annotated[Bytes, Field(description="bytes of answers scored each time")] = 50_000
    share: Annotated[Share, Field(lt=1.0, description="of the questions that are held out with their answers")] = 0.05


class Tuning(Optimization, ExamplesFile):
    """How the adapted model learns to follow instructions, and from which examples."""

    epochs: Annotated[Count, Field(le=1_000, description="passes over the examples")] = 2
    objective: Annotated[Instruct, Field(description="instruct")] = Instruct()
    learning_rate: Annotated[float, Field(gt=0, le=1, description="peak rate")] = 1e-4
    packing: Annotated[Literal["best_fit", "separate"], Field(description="several examples per row, or one")] = (
        "best_fit"
    )
    validation: HeldOut = HeldOut()
    lora: Annotated[Lora | None, Field(description="low-rank updates for small GPUs, merged at the end")] = None

    def row(self, most: int) -> int:
        """Tokens of a row for a model with a limit of ``most``. Raises ``UserError`` if the settings exceed it."""
        context = self.context or min(most, LONGEST_ROW)
        if context > most:
            problem = f"is {context:,} tokens, but the model takes at most {most:,}"
            raise UserError("instruction_tuning.context", problem, "lower it or leave it out")
        if self.batch < context:
            problem = f"is {self.batch:,} tokens, fewer than one row of {context:,}"
            raise UserError("instruction_tuning.batch", problem, "raise it, or lower instruction_tuning.context")
        return context

    def check(self) -> int:
        """Number of conversations. Raises ``UserError`` for all that can be checked without the model."""
        if self.lora and find_spec("peft") is None:
            raise UserError("instruction_tuning.lora", "needs the package peft", "pip install 'shoptalk[lora]'")
        return super().check()


@stage("tune", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def tune(spec: Tuning, adapted: Checkpoint, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Checkpoint -> Checkpoint, tuned; its tokenizer has the chat template to prompt it with.

    facts: ``parameters``, ``context``, ``family``, numbers of training ``examples``, ``held_out`` and ``too_long``
    ones, ``epochs``, ``tokens`` of answers, ``loss`` (last 10 steps, nats per token of answers),
    ``validation_answers`` (bits per byte), ``ends`` (ids that end an answer), ``prompt`` (a held-out question to try),
    ``template`` (the tokenizer's ``own``, or ``plain``), ``packing``.
    """
    from domain.model.build import load, longest
    from domain.model.families import family_of
    from domain.tokenizer.encoding.texts import load_tokenizer
    from domain.training.instruction.batches import gather, hold_out
    from domain.training.instruction.chat import Chat
    from domain.training.instruction.task import InstructionReading
    from domain.training.ranks import rank
    from domain.training.train import train

    model = load(adapted.path)
    family = family_of(model.config)
    if family == "encoder":
        raise UserError(
            "instruction_tuning",
            "an encoder does not follow instructions",
            "use it to classify or tag, and remove instruction_tuning",
        )
    context = spec.row(longest(model))
    tokenizer = load_tokenizer(adapted.path)
    chat = Chat(tokenizer, family)
    examples, longer = gather(spec.read(), chat, context)
    if longer and rank() == 0:
        total = len(longer) + len(examples)
        logger.warning(
            "tune: %s of %s examples do not fit into %s tokens and are left out, for example %s",
            f"{len(longer):,}", f"{total:,}", f"{context:,}", longer[0].place,
        )  # fmt: skip
    learned, held_out = hold_out(examples, spec.validation.share if spec.validation.every else 0.0, spec.seed)
    ends = sorted({int(example.tokens[-1]) for example in examples})
    model.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    reading = InstructionReading(model, tokenizer, family, spec, learned, held_out, context)
    outcome = train(
        model, reading, spec, what="tune", tokenizer=adapted.path, out=out, machine=machine, lora=spec.lora,
        lora_place="instruction_tuning.lora", digests={"orders": spec.digest(), "model": adapted.digest},
        on_saved=chat.keep,
    )  # fmt: skip
    if outcome is None:
        return {}
    return {
        **outcome.facts,
        "family": family,
        "examples": len(learned),
        "held_out": len(held_out),
        "too_long": len(longer),
        "tokens": outcome.progress.tokens,
        "ends": ends,
        "template": "own" if chat.own else "plain",
        "prompt": spec.question((held_out or learned)[0].place),
        **reading.facts(),
    }
