"""The loop: one for every objective and every arm, exact to the bit across interruptions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional

from domain.errors import Refusal
from domain.machine import Machine
from domain.model.device import autocast, choose_device
from domain.progress import progress
from domain.tokens.batches import Batches
from domain.training.checkpoint import load_state, save_state
from domain.training.objectives import IGNORED, Objective
from domain.training.optimizer import RowsFirst, adamw, rate
from domain.training.spec import MICRO_BATCH, Learning
from domain.training.spool import Spool, read_points, spool_path


def train(
    model: Any,
    batches: Batches,
    objective: Objective,
    spec: Learning,
    *,
    out: Path,
    machine: Machine,
    what: str,
    new_rows: range = range(0),
    alone: int = 0,
) -> list[dict[str, float]]:
    """Read all ``batches`` once, in order, and leave the learned weights in ``model``.

    In the first ``alone`` steps only ``new_rows`` of embedding and head learn, if there are any.

    Loss is the mean cross-entropy (nats) over the batch's valid tokens, whatever the micro-batches.
    State is kept in ``out/.scratch`` every ``machine.checkpoint_seconds``; called again after a crash,
    it goes on from there and ends with the same weights. Returns a point per step: ``step`` (from 1),
    ``tokens``, ``loss``, ``learning_rate``, ``gradient_norm``.
    """
    device = choose_device(machine)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Every cell is written before it is read; filling them all first costs 4%.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    model.to(device).train()
    optimizer = adamw(model, spec)
    checkpoints, spooled = out / ".scratch" / "checkpoints", spool_path(out)
    state = load_state(checkpoints, model, optimizer) or {"step": 0, "tokens": 0}
    done, seen = int(state["step"]), int(state["tokens"])
    spool = Spool(spooled, done=done)
    context = batches.context
    bar = progress(
        what=what, total=len(batches) * batches.rows * context, unit="tok", initial=done * batches.rows * context
    )
    saved = time.monotonic()
    first = RowsFirst(model, optimizer, new_rows, alone)
    for index in range(done, len(batches)):
        began = time.monotonic()
        first.begin(index)
        for group in optimizer.param_groups:
            group["lr"] = rate(spec, index, len(batches))
        loss, valid = forward_backward(model, objective(batches[index], index), context, device, machine)
        first.mask()
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip))
        if not (loss < float("inf") and norm < float("inf")):
            place = f"{what}, step {index + 1}"
            raise Refusal(place, f"loss {loss:g}, gradient norm {norm:g}", "lower the learning rate")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen += valid
        spool.add(
            step=index + 1,
            tokens=seen,
            loss=loss,
            learning_rate=optimizer.param_groups[0]["lr"],
            gradient_norm=norm,
            tokens_per_second=valid / (time.monotonic() - began),
        )
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        bar.update(batches.rows * context)
        if time.monotonic() - saved > machine.checkpoint_seconds and index + 1 < len(batches):
            save_state(checkpoints, index + 1, model, optimizer, {"tokens": seen})
            saved = time.monotonic()
    bar.close()
    model.eval()
    return [{k: v for k, v in point.items() if k != "tokens_per_second"} for point in read_points(spooled)]


def forward_backward(model: Any, batch: Any, context: int, device: torch.device, machine: Machine) -> tuple[float, int]:
    """Gradients of the mean loss over the batch's valid tokens; returns that loss and their number."""
    rows = max(1, (machine.micro_batch or MICRO_BATCH[device.type]) // context)
    total = torch.zeros((), device=device, dtype=torch.float64 if device.type == "cpu" else torch.float32)
    for start in range(0, len(batch.labels), rows):
        inputs, labels = batch.part(start, start + rows, device)
        with autocast(device, machine):
            logits = model(**inputs, use_cache=False).logits
        summed = functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        (summed / batch.valid).backward()
        total += summed.detach()
    return float(total / batch.valid), batch.valid
