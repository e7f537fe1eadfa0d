"""One training, from a loaded model to saved weights and losses, for pretraining and instruction tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from transformers import PreTrainedModel

from domain.artifacts import PARTS
from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.build import longest, parameters, save
from domain.model.device import uses_bf16
from domain.model.lora import adapt, merge
from domain.model.parallel import full_weights
from domain.settings.learning import Lora, Optimization
from domain.training.metrics_log import write_points
from domain.training.ranks import together
from domain.training.state.export import describe
from domain.training.state.trunk import Trunk
from domain.training.task import TrainingPlace, TrainingTask
from domain.training.trainer import Progress, Trainer

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished training: its points, final progress, and the facts that every training reports."""

    points: list[dict[str, float]]
    progress: Progress
    facts: dict[str, Any]


def train(
    model: PreTrainedModel,
    task_at: Callable[[TrainingPlace], TrainingTask[R]],
    spec: Optimization,
    *,
    what: str,
    tokenizer: Path,
    out: Path,
    machine: Machine,
    digests: Mapping[str, str],
    lora: Lora | None = None,
    lora_place: str = "training.lora",
    new_rows: range = range(0),
    alone: int = 0,
    trunk: Trunk | None = None,
    keep: bool = True,
    on_saved: Callable[[Path], None] = lambda folder: None,
) -> Outcome | None:
    """Train ``model`` on the task that ``task_at`` returns; save it and ``training.jsonl`` to ``out``.

    With ``keep=False`` only the losses are saved. ``on_saved`` is called with every folder to which the model's
    configuration or weights were written. Returns None on all ranks but the first. ``task_at`` may raise ``UserError``.
    """
    lora_model = adapt(model, lora, grown=bool(new_rows), place=lora_place) if lora else None
    with together(machine) as ranks:
        half = uses_bf16(ranks.device, machine)
        place = TrainingPlace(
            ranks=ranks, machine=machine, attention=Attention(model.to(ranks.device), ranks.device, half=half)
        )
        task = task_at(place)
        if ranks.is_main:
            on_saved(describe(model, tokenizer, out / ".scratch", lora))
        trainer = Trainer(
            model, task, spec, place, out=out, what=what, digests=digests, new_rows=new_rows, alone=alone, trunk=trunk
        )
        points = trainer.run()
        if lora_model:
            merge(lora_model)
        weights = full_weights(model, ranks.size) if keep else None
        if not ranks.is_main:
            return None
    if keep:
        save(model, tokenizer, out, weights=weights)
        on_saved(out)
    write_points(out / "training.jsonl", points)
    facts = {"parameters": parameters(model), "context": longest(model)}
    facts |= summary(points, trainer.progress, task.batches.rows * task.batches.context)
    return Outcome(points=points, progress=trainer.progress, facts=facts)


def summary(points: list[dict[str, float]], progress: Progress, batch: int) -> dict[str, Any]:
    """Tokens read, mean loss of the last 10 steps, first and last validation, skipped steps, early stop.

    ``batch`` is the tokens of text per step.
    """
    losses = [point["loss"] for point in points[-10:]]
    validated = [point for point in points if any(name.startswith("validation_") for name in point)]
    last = {name: value for name, value in (validated or [{}])[-1].items() if name.startswith("validation_")}
    skipped = sum(bool(point.get("skipped")) for point in points)
    return {
        "tokens": len(points) * batch,
        "loss": round(sum(losses) / len(losses), 6),
        **{f"first_{part}": bits for part in PARTS if (bits := getattr(progress, part)) is not None},
        **last,
        **({"skipped": skipped, "passed_over": progress.jump} if skipped or progress.jump else {}),
        **({"stopped": progress.stopped} if progress.stopped else {}),
    }
