"""The stage that tunes: an adapted model learns to follow orders, from examples of what is asked and answered."""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.settings.learning import LONGEST_ROW, Learning, Lora
from domain.spec import Bytes, Count, Share, Spec
from domain.stage import stage
from domain.training.instruction.examples_file import Orders
from domain.training.pretrain import told_of

logger = logging.getLogger(__name__)


class Instruct(Spec):
    """Predict the answer to an order."""

    kind: Literal["instruct"] = "instruct"
    z_loss: Annotated[float, Field(ge=0.0, le=1.0, description="weight of log(Z)^2, which keeps logits small")] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class HeldOut(Spec):
    """Examples that are scored and not learned from. Tuning reads no general text, so nothing is alarmed by it."""

    alarm: ClassVar[None] = None
    stop: ClassVar[None] = None
    every: Annotated[int, Field(ge=0, description="steps from one look to the next, the last step too; 0: never")] = 50
    bytes: Annotated[Bytes, Field(description="answers scored at each look")] = 50_000
    share: Annotated[Share, Field(lt=1.0, description="of the questions, that are held out with their answers")] = 0.05


class Tuning(Learning, Orders):
    """How a released model learns to follow orders, and from which."""

    epochs: Annotated[Count, Field(description="passes over the examples")] = 2
    objective: Annotated[Instruct, Field(description="instruct")] = Instruct()  # type: ignore[assignment]
    learning_rate: Annotated[float, Field(gt=0, description="peak rate")] = 1e-4
    packing: Annotated[Literal["best_fit", "separate"], Field(description="several examples in a row, or one")] = (
        "best_fit"
    )
    validation: HeldOut = HeldOut()  # type: ignore[assignment]
    lora: Annotated[Lora | None, Field(description="low-rank updates for small GPUs, merged in the end")] = None

    def row(self, most: int) -> int:
        """Tokens of a row of a model that takes ``most``; raises ``UserError`` where that cannot be."""
        context = self.context or min(most, LONGEST_ROW)
        if context > most:
            problem = f"{context:,} tokens, and the model takes {most:,}"
            raise UserError("instruction_tuning.context", problem, "lower it or leave it out")
        if self.batch < context:
            problem = f"{self.batch:,} tokens, fewer than one row of {context:,}"
            raise UserError("instruction_tuning.batch", problem, "raise it, or lower instruction_tuning.context")
        return context

    def check(self) -> int:
        """How many orders there are; raises what is amiss, as far as that is known without a model: it is wanted hours
        later.
        """
        if self.lora and find_spec("peft") is None:
            raise UserError("instruction_tuning.lora", "needs the package peft", "pip install 'shoptalk[lora]'")
        return super().check()


@stage("tune", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def tune(spec: Tuning, adapted: Checkpoint, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Checkpoint -> Checkpoint, tuned; its tokenizer has the chat template by which it is to be asked.

    facts: ``parameters``, ``context``, ``family``, ``examples`` learned from, ``held_out`` and ``too_long`` ones,
    ``epochs``, ``tokens`` of answers learned from, ``loss`` (last 10 steps, nats a token of them),
    ``validation_answers`` (bits per byte), ``ends`` (ids that end an answer), ``prompt`` (a held-out question, to try
    it), ``template`` (the tokenizer's ``own``, or ``plain``), ``packing``.
    """
    from domain.model.attention import Attention
    from domain.model.build import load, longest, parameters, save
    from domain.model.device import uses_bf16
    from domain.model.families import family_of
    from domain.model.lora import adapt, merge
    from domain.model.parallel import whole
    from domain.tokenizer.encoding.texts import load_tokenizer
    from domain.training.instruction.batches import InstructionBatches, Seating, gather, hold_out
    from domain.training.instruction.chat import Chat
    from domain.training.instruction.validation import Answers
    from domain.training.objectives.instruct import InstructObjective
    from domain.training.objectives.special_tokens import Signs
    from domain.training.ranks import together
    from domain.training.state.export import SHAPE, describe
    from domain.training.trainer import Trainer

    model = load(adapted.path)
    family = family_of(model.config)
    if family == "encoder":
        raise UserError(
            "instruction_tuning",
            "an encoder does not follow orders",
            "classify or tag with it, and take instruction_tuning out",
        )
    context = spec.row(longest(model))
    speaker = load_tokenizer(adapted.path)
    chat = Chat(speaker, family)
    examples, longer = gather(spec.read(), chat, context)
    learned, held = hold_out(examples, spec.validation.share if spec.validation.every else 0.0, spec.seed)
    tuner = adapt(model, spec.lora, grown=False, place="instruction_tuning.lora") if spec.lora else None
    with together(machine) as ranks:
        attention = Attention(model.to(ranks.device), ranks.device, half=uses_bf16(ranks.device, machine))
        packing: Seating = spec.packing if attention.packed else "separate"
        tasks = InstructionBatches(
            learned, family, rows=spec.batch // context, context=context, epochs=spec.epochs, seed=spec.seed,
            packing=packing,
        )  # fmt: skip
        start = getattr(model.config, "decoder_start_token_id", None) or 0
        objective = InstructObjective(family, most=context, pad=Signs(speaker).pad, start=start)
        if ranks.first:
            describe(model, adapted.path, out / ".scratch", spec.lora)
            chat.keep(out / ".scratch" / SHAPE)
        if longer and ranks.first:
            told = f"{len(longer):,} of {len(longer) + len(examples):,} examples do not fit into {context:,} tokens"
            logger.warning("tune: %s and are left out, such as %s", told, longer[0].place)
        look = Answers(
            held, objective, speaker, most=spec.validation.bytes, context=context, packing=packing, ranks=ranks,
            machine=machine,
        ) if held else None  # fmt: skip
        batches: Any = tasks
        asked: Any = objective
        loop = Trainer(
            model, batches, asked, spec, attention=attention, out=out, ranks=ranks, machine=machine, what="tune",
            look=look, digests={"orders": spec.digest(), "model": adapted.digest},
        )  # fmt: skip
        points = loop.run()
        if tuner:
            merge(tuner)
        weights = whole(model, ranks.size)
        if not ranks.first:
            return {}
    ends = sorted({int(example.tokens[-1]) for example in examples})
    model.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    save(model, adapted.path, out, weights=weights)
    chat.keep(out)
    series = "".join(json.dumps(point, sort_keys=True) + "\n" for point in points)
    (out / "training.jsonl").write_text(series, encoding="utf-8")
    return {
        "parameters": parameters(model),
        "context": longest(model),
        "family": family,
        "examples": len(learned),
        "held_out": len(held),
        "too_long": len(longer),
        "epochs": round(tasks.epochs, 4),
        **told_of(points, tasks.rows * context, loop.at),
        "tokens": loop.at.tokens,
        "ends": ends,
        "template": "own" if chat.own else "plain",
        "prompt": spec.question((held or learned)[0].place),
        "packing": {"kind": packing, "padding": round(tasks.padding, 4)},
    }
