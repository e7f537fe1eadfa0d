"""Trainings that go on by some steps when they are asked to: ours and the Trainer's, to be timed in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.device import choose_device, uses_bf16
from domain.settings.objectives import Causal
from domain.tokens.batch import Batch
from domain.training.objectives.causal import CausalObjective
from domain.training.ranks import Ranks
from domain.training.task import TrainingPlace, TrainingTask
from domain.training.trainer import Trainer
from tests.benchmarks.training.material import Material

CAUSAL = CausalObjective(Causal(), None, 0)
Rest = Callable[[torch.Tensor], None]


class Enough(Exception):
    """The training is not asked for another step."""


class Paced:
    """A training in a thread of its own, which rests after every ``steps`` steps until it is called again.

    ``train`` gets what it must call after each step, with the step's loss. So trainings alternate step by step, and a
    busy machine is busy for all of them. ``exact`` says whether it asks torch for deterministic operations, a setting
    of the whole process.
    """

    def __init__(self, train: Callable[[Rest], object], steps: int, exact: bool) -> None:
        self.train, self.steps, self.exact, self.losses = train, steps, exact, list[torch.Tensor]()
        self.asked, self.rested, self.left = threading.Semaphore(0), threading.Semaphore(0), False
        self.failed: BaseException | None = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        """In the thread."""
        self.asked.acquire()
        try:
            if not self.left:
                self.train(self.rest)
                self.failed = RuntimeError("there are no more batches")
        except Enough:
            pass
        except BaseException as error:
            self.failed = error
        self.rested.release()

    def rest(self, loss: torch.Tensor) -> None:
        """After a step."""
        self.losses.append(loss)
        if len(self.losses) % self.steps:
            return
        if loss.device.type == "cuda":
            torch.cuda.synchronize()
        self.rested.release()
        self.asked.acquire()
        if self.left:
            raise Enough

    def __call__(self) -> None:
        """Go on."""
        torch.use_deterministic_algorithms(self.exact, warn_only=not torch.cuda.is_available())
        self.asked.release()
        self.rested.acquire()
        if self.failed:
            raise self.failed

    def leave(self) -> list[float]:
        """End here; the losses of all steps."""
        self.left = True
        self.asked.release()
        self.thread.join()
        return [float(loss) for loss in self.losses]


def loop(material: Material, out: Path, machine: Machine, *, batches: Any = None, kernel: str = "") -> Trainer:
    """The loop on a fresh model, made as the stage of pretraining makes it; ``kernel`` is an attention to be used."""
    device = choose_device(machine)
    with device:
        model = material.model().to(device)
    attention = Attention(model, device, half=uses_bf16(device, machine))
    if kernel:
        model.set_attn_implementation(kernel)
    task = TrainingTask(batches=batches or material.batches, objective=CAUSAL)
    place = TrainingPlace(ranks=Ranks(rank=0, size=1, device=device), machine=machine, attention=attention)
    return Trainer(model, task, material.spec, place, out=out, what="benchmark")


def ours(material: Material, out: Path, machine: Machine, steps: int = 1, kernel: str = "") -> Paced:
    """The loop."""

    def train(rest: Rest) -> None:
        learning = loop(material, out, machine, kernel=kernel)
        step = learning.step

        def resting(batch: Batch, valid: int) -> None:
            step(batch, valid)
            rest(learning.waiting[-1][1][0])

        learning.step = resting  # type: ignore[method-assign]
        learning.run()

    return Paced(train, steps, exact=True)


def theirs(material: Material, out: Path, machine: Machine, data: Any, steps: int = 1, **asked: Any) -> Paced:
    """transformers' ``Trainer`` with these arguments beside its defaults; it neither logs nor saves."""
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.utils import logging

    logging.set_verbosity_error()

    def train(rest: Rest) -> None:
        device = choose_device(machine)
        parts: list[torch.Tensor] = []

        class InOrder(Trainer):  # type: ignore[misc]
            def _get_train_sampler(self, *_: Any) -> Any:
                return torch.utils.data.SequentialSampler(data)

            def training_step(self, *given: Any, **more: Any) -> torch.Tensor:
                parts.append(super().training_step(*given, **more))
                return parts[-1]

        class Resting(TrainerCallback):  # type: ignore[misc]
            def on_step_end(self, *_: Any, **__: Any) -> None:
                loss = torch.stack(parts).sum()
                parts.clear()
                rest(loss)

        given = TrainingArguments(
            output_dir=str(out), max_steps=len(material.batches), use_cpu=device.type == "cpu", logging_strategy="no",
            save_strategy="no", report_to=[], disable_tqdm=True, remove_unused_columns=False, **asked,
        )  # fmt: skip
        InOrder(material.model(), given, train_dataset=data, data_collator=data.collated, callbacks=[Resting()]).train()

    return Paced(train, steps, exact=False)
