"""A small training by the loop itself, for the tests beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.build import build
from domain.model.spec import Scratch
from domain.settings.learning import Learning
from domain.settings.objectives import Causal
from domain.training.objectives.causal import CausalObjective
from domain.training.ranks import Ranks
from domain.training.task import Limits, TrainingPlace, TrainingTask
from domain.training.trainer import Trainer

SHAPE = Scratch(width=32, layers=2, heads=4, context=32)
SPEC = Learning(batch=256, learning_rate=3e-3)
CPU = Machine(device="cpu", precision="fp32", threads=1)
CAUSAL = CausalObjective(Causal(), None, 0)
ALONE = Ranks(rank=0, size=1, device=torch.device("cpu"))


def train(
    tokenizer: Any, batches: Any, out: Path, machine: Machine = CPU, spec: Learning = SPEC, **more: Any
) -> tuple[Any, list[dict[str, float]]]:
    """The model after the training, and its points."""
    model = build(SHAPE, tokenizer.path, seed=0)
    out.mkdir(exist_ok=True)
    return model, trainer(model, batches, out, machine, spec, **more).run()


def trainer(
    model: Any, batches: Any, out: Path, machine: Machine = CPU, spec: Learning = SPEC, *, objective: Any = CAUSAL,
    ranks: Ranks = ALONE, half: bool = False, validator: Any = None, **more: Any,
) -> Trainer[Any]:  # fmt: skip
    """The trainer of a model on batches."""
    limits = Limits(every=spec.validation.every, alarm=spec.validation.alarm, stop=spec.validation.stop)
    task = TrainingTask(batches=batches, objective=objective, validator=validator, limits=limits)
    place = TrainingPlace(ranks=ranks, machine=machine, attention=Attention(model, ranks.device, half=half))
    return Trainer(model, task, spec, place, out=out, what="test", **more)


def same(one: Any, other: Any) -> bool:
    """Whether two models have the same weights to the last bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == again and torch.equal(tensor, its) for (name, tensor), (again, its) in pairs)
