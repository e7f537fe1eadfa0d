"""The training loop: one for every objective, family and arm, bit-exact across interruptions."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import torch
from pydantic import Field, TypeAdapter

from domain.errors import UserError
from domain.model.device import autocast, uses_bf16
from domain.model.parallel import spread
from domain.progress import progress
from domain.settings.learning import MICRO_BATCH, Optimization
from domain.tokens.batch import IGNORED, Batch
from domain.training.loss_head import Head
from domain.training.metrics_log import MetricsLog, read_points, spool_path, write_points
from domain.training.mfu import BatchFlops
from domain.training.optimizer import EmbeddingWarmup, adamw
from domain.training.preemption import Stopped, catch_sigterm
from domain.training.prefetch import Prefetcher, split_rows, without_labels
from domain.training.schedule import rate
from domain.training.spikes import SpikeGuard
from domain.training.state.checkpoints import Checkpoints, Saved
from domain.training.state.export import CHECKPOINTS, SHAPE
from domain.training.state.snapshot import refused_content
from domain.training.state.trunk import Trunk
from domain.training.task import TrainingPlace, TrainingTask
from domain.training.throughput import THROUGHPUT_FIELDS, Throughput

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

READ_EVERY = {"cpu": 1, "cuda": 10}  # steps between reads of the losses; each read synchronizes with the device
MOST_ROLLBACKS = 3

R = TypeVar("R")


@dataclass
class Progress:
    """``step`` steps and ``tokens`` valid tokens done, ``jump`` batches left out, ``skipped`` steps in a row.
    ``domain`` and ``general`` are bits per byte before the first step.
    """

    step: Annotated[int, Field(ge=0)] = 0
    tokens: Annotated[int, Field(ge=0)] = 0
    jump: Annotated[int, Field(ge=0)] = 0
    skipped: Annotated[int, Field(ge=0)] = 0
    rollbacks: Annotated[int, Field(ge=0)] = 0
    domain: float | None = None
    general: float | None = None
    stopped: str = ""


class Trainer(Generic[R]):
    """Trains ``model`` in place on the batches of ``task``: call ``run``.

    A checkpoint is only resumed with the same ``digests``. In the first ``alone`` steps only the rows ``new_rows`` of
    embedding and head are trained, if there are any.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        task: TrainingTask[R],
        spec: Optimization,
        place: TrainingPlace,
        *,
        out: Path,
        what: str,
        digests: Mapping[str, str] | None = None,
        new_rows: range = range(0),
        alone: int = 0,
        trunk: Trunk | None = None,
    ) -> None:
        self.model, self.task, self.spec, self.what, self.trunk = model, task, spec, what, trunk
        self.batches, self.validator = task.batches, task.validator
        self.ranks, self.machine, self.attention = place.ranks, place.machine, place.attention
        self.digests = dict(digests or {})
        self.steps, self.device = len(task.batches), place.ranks.device
        ranks, machine = place.ranks, place.machine
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it a GPU's matrix products may vary
        # With warn_only, attention's backward pass on a GPU would still sum in a different order each time.
        torch.use_deterministic_algorithms(True, warn_only=self.device.type == "cpu")
        # All memory is written before it is read; filling it first costs 4%.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        model.to(self.device).train()
        self.head = Head(model, task.z_loss)
        work = BatchFlops(model, self.device, half=uses_bf16(self.device, machine))
        self.throughput = Throughput(work, self.device, ranks.size)
        spread(model, ranks.size, machine, self.device)
        self.optimizer = adamw(model, spec)
        self.embedding_warmup = EmbeddingWarmup(model, self.optimizer, new_rows, alone, freeze=ranks.size == 1)
        self.guard = SpikeGuard(spec.spikes, self.device)
        lasting = machine.work / "checkpoints" / out.name if machine.permanent_every else None
        if lasting and ranks.is_main:
            shutil.copytree(out / ".scratch" / SHAPE, lasting / SHAPE, dirs_exist_ok=True)
        self.checkpoints = Checkpoints(
            out / ".scratch" / CHECKPOINTS, model, self.optimizer, keep=machine.checkpoints_kept,
            lasting=lasting and lasting / CHECKPOINTS,
        )  # fmt: skip
        self.metrics_path = spool_path(out)
        self.progress = Progress()
        self.waiting: list[tuple[dict[str, Any], torch.Tensor]] = []
        every = task.limits.every if task.validator else 0
        self.validation_steps = {*range(every, self.steps, every), self.steps} if every else set[int]()

    def run(self) -> list[dict[str, float]]:
        """Train on all batches once, in order. After a crash it resumes and ends with the same weights.

        Returns a point per step: ``step`` (from 1), ``tokens``, ``loss`` (mean cross-entropy over the batch's valid
        tokens, nats), ``learning_rate``, ``gradient_norm``, ``skipped`` for skipped steps, and after a validation
        ``validation_domain`` and ``validation_general`` (bits per byte). Raises ``Stopped`` after SIGTERM, once the
        state is on disk.
        """
        with self.checkpoints, catch_sigterm() as stop_requested:
            saved = self.checkpoints.load()
            with refused_content(self.checkpoints.folder):
                if saved is None and self.trunk and (saved := self.trunk.find(self.model, self.optimizer)):
                    write_points(self.metrics_path, saved.state["points"])
                self.resume(saved)
            self.prefetcher = Prefetcher(self.task, self.ranks)
            total = self.steps * self.batches.rows * self.batches.context
            begun = total * self.progress.step // self.steps
            self.bar = progress(what=self.what, total=total, unit="tok", initial=begun, shown=self.ranks.is_main)
            try:
                self.learn(stop_requested)
            finally:
                self.prefetcher.close()
                self.bar.close()
        self.model.eval()
        return [{k: v for k, v in p.items() if k not in THROUGHPUT_FIELDS} for p in read_points(self.metrics_path)]

    def resume(self, saved: Saved | None) -> None:
        """Continue from a checkpoint. Raises ``UserError`` if it belongs to another corpus, tokenizer or base."""
        saved_digests = saved.state["digests"] if saved else self.digests
        for name, digest in self.digests.items():
            if saved_digests.get(name) != digest:
                problem = f"was started with {name} {saved_digests.get(name)}, but now uses {name} {digest}"
                fix = f"use the same {name}, or remove {self.checkpoints.folder}"
                raise UserError(f"the {self.what} training", problem, fix)
        if saved:
            self.progress = TypeAdapter(Progress).validate_python(saved.state["standing"])
            self.guard.load(saved.tensors)
        self.metrics_log = MetricsLog(self.metrics_path, done=self.progress.step) if self.ranks.is_main else None
        self.waiting.clear()
        self.throughput.begin(self.progress.tokens)

    def learn(self, stop_requested: Callable[[], bool]) -> None:
        saved = time.monotonic()
        every = READ_EVERY[self.device.type]
        if self.validator and self.validation_steps and self.progress.step == 0:
            before = self.validator(self.model, self.head, self.attention)
            self.progress.domain, self.progress.general = before.get("domain"), before.get("general")
        while self.progress.step < self.steps and not self.progress.stopped:
            batch = self.prefetcher(self.progress.step + self.progress.jump)
            due = self.ranks.is_main and time.monotonic() - saved > self.machine.checkpoint_seconds
            valid, stop, save, flops = self.ranks.sum_ints(
                batch.valid, int(stop_requested()), int(due), self.throughput.of(batch)
            )
            self.throughput.add(flops, max(1, valid))
            self.step(batch, max(1, valid))
            at, last = self.progress, self.progress.step == self.steps
            if at.step in self.validation_steps:
                self.validate()
            if at.step % every == 0 or last or stop:
                self.log()
                if at.skipped >= self.spec.spikes.in_a_row and at.step % every == 0:
                    self.go_back()
                    continue
            anchor = at.step % self.spec.spikes.anchor == 0
            lasts = bool(self.machine.permanent_every) and at.step % self.machine.permanent_every == 0
            if (anchor or lasts or save or stop) and not last:
                self.log()
                self.save(anchor=anchor, lasts=lasts, wait=bool(stop))
                saved = time.monotonic()
            if self.trunk and at.step == self.trunk.begins:
                self.log()
                state = {**self.state(), "points": read_points(self.metrics_path)}
                with self.throughput.saving():
                    self.trunk.keep(at.step, self.model, self.optimizer, state, self.guard.state)
            if stop and not last:
                raise Stopped(f"{self.what}: stopped by SIGTERM; the state after step {at.step:,} is saved")

    def step(self, batch: Batch, valid: int) -> None:
        """One update, left out if the guard rejects the step; the host does not wait for the device."""
        index = self.progress.step
        self.embedding_warmup.begin(index)
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.spec, index, self.steps)
        loss = self.gradients(batch, valid)
        self.embedding_warmup.mask()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.spec.clip)
        norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        skip = self.guard.judge(loss, norm)
        self.optimizer.found_inf = skip  # type: ignore[attr-defined]  # makes fused AdamW change nothing
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.step, self.progress.tokens = index + 1, self.progress.tokens + valid
        point = {
            "step": index + 1,
            "tokens": self.progress.tokens,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
        }
        self.waiting.append((point, torch.stack((loss.double(), norm.double(), skip.double()))))
        self.bar.update(self.batches.rows * self.batches.context)

    def gradients(self, batch: Batch, valid: int) -> torch.Tensor:
        """Compute gradients of the mean loss over the ``valid`` tokens of all ranks; return it, on the device."""
        size, rows = self.ranks.size, self.batches.rows
        # By the context, not by this batch's width: all ranks must make the same number of forward passes.
        each = max(1, (self.machine.micro_batch or MICRO_BATCH[self.device.type]) // self.batches.context)
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        parts = split_rows(len(batch.labels), -(-rows // size), each)
        for number, part in enumerate(parts, start=1):
            few = (
                batch.part(part.start, part.stop, self.device) if part else without_labels(batch, IGNORED, self.device)
            )
            if size > 1:  # gradients are reduced over the ranks once a step
                self.model.set_requires_gradient_sync(number == len(parts))
            with autocast(self.device, self.machine):
                # Labels on the host: counting the valid ones on the device would synchronize.
                labels = batch.labels[part.start : part.stop] if part else few.labels
                summed = self.head.loss(self.attention(few), labels)
            # Gradients are averaged over the ranks, losses are summed.
            (summed * (size / valid)).backward()  # type: ignore[no-untyped-call]
            total += summed.detach()
        return self.ranks.all_reduce(total) / valid

    def log(self) -> None:
        """Write the points of the last steps to the metrics log; count skipped steps, and log their documents."""
        if not self.waiting:
            return
        values = [each.tolist() for _, each in self.waiting]  # synchronizes, so the time below includes the device's
        pace = self.throughput.measure(self.progress.tokens, self.prefetcher.waited)
        if self.metrics_log:
            self.metrics_log.about({"steps": self.steps, **self.throughput.about()})
        for (point, _), (loss, norm, skip) in zip(self.waiting, values, strict=True):
            self.progress.skipped = self.progress.skipped + 1 if skip else 0
            point |= {"loss": loss, "gradient_norm": norm, **({"skipped": 1} if skip else {})}
            if self.metrics_log:
                self.metrics_log.add(**point, **pace)
            if skip and self.ranks.is_main:
                names = self.batches.names((point["step"] - 1 + self.progress.jump) % self.steps)
                message = f"{self.what}: step {point['step']:,} skipped: loss {loss:.4g}, gradient norm {norm:.4g}"
                logger.warning("%s; its batch: %s", message, ", ".join(names))
            self.bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self.waiting.clear()
        self.prefetcher.waited = 0.0
        self.throughput.begin(self.progress.tokens)

    def go_back(self) -> None:
        """After too many skipped steps, return to the last anchor and continue with the batches after them."""
        here, anchor = self.progress, self.checkpoints.anchor()
        place = f"{self.what}, step {here.step}"
        problem = f"{here.skipped} steps in a row were skipped"
        if anchor is None or here.rollbacks == MOST_ROLLBACKS:
            raise UserError(place, problem, "lower the learning rate, or check the documents named above")
        self.resume(self.checkpoints.load(anchor))
        self.progress.jump, self.progress.rollbacks = here.jump + here.step - anchor, here.rollbacks + 1
        if self.ranks.is_main:
            message = f"{place}: {problem}; back to step {anchor:,}, leaving out {self.progress.jump:,} batches"
            logger.warning(message)

    def validate(self) -> None:
        """Score held-out text; warn, or stop, if general text has become worse than the limits allow."""
        assert self.validator is not None
        with self.throughput.aside():
            scores = self.validator(self.model, self.head, self.attention)
        self.waiting[-1][0].update({f"validation_{part}": score for part, score in scores.items()})
        worse = scores["general"] / self.progress.general - 1.0 if self.progress.general else 0.0
        limits = self.task.limits
        message = f"{self.what}: general text is {worse:+.1%} bits per byte after step {self.progress.step:,}"
        if limits.stop is not None and worse > limits.stop:
            self.progress.stopped = f"{message}, more than {limits.stop:.1%}: stopped"
        if self.ranks.is_main and worse > min(limits.alarm or worse, limits.stop or worse):
            logger.warning(self.progress.stopped or message)

    def save(self, *, anchor: bool, wait: bool, lasts: bool = False) -> None:
        """Save the whole state, in the background unless ``wait`` is set."""
        with self.throughput.saving():
            if self.metrics_log:
                self.metrics_log.sync()
            self.checkpoints.save(
                self.progress.step, self.state(), tensors=self.guard.state, wait=wait, anchor=anchor, lasts=lasts
            )

    def state(self) -> dict[str, Any]:
        """The part of a checkpoint that is not tensors."""
        return {"standing": asdict(self.progress), "digests": self.digests}
