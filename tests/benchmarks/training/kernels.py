"""Attention's kernels on a GPU: which is fastest, that they agree, and what the Trainer makes of the best it has.

All learn from the same rows in turn, some steps each, in one process. The Trainer is given bf16, rows whose positions
restart, and both kinds of attention that need no further package (a mask, and flex); the faster one is its row, and it
compiles nothing, as is its default. Where accelerate is missing, which it needs, a plain loop does as it does:
autocast, the model's own loss, a clipped norm, fused AdamW.

Agreement is that of mean losses, nats a token, without learning in between: of each kernel against a mask, and of rows
of several documents against a row for each.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch

from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.device import autocast, choose_device
from domain.model.kernels import kernels
from domain.model.masks import Masks
from domain.tokens.batch import IGNORED
from domain.training.loss_head import Head
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.training.card import Scale
from tests.benchmarks.training.data import PackedRows
from tests.benchmarks.training.material import Given, Material, row
from tests.benchmarks.training.paced import CAUSAL, Paced, Rest, loop, ours, theirs
from tests.benchmarks.training.parity import Apart

GOALS = {"Trainer": 1.3, "agreement": 1e-3, "chosen": 0.97}
ROWS = 4  # of a step; what the Trainer's full logits leave room for
BATCHES = 4  # whose losses are compared


class Asked:
    """``material`` with an attention that is asked for."""

    def __init__(self, material: Material, attention: str, device: torch.device) -> None:
        self.material, self.attention, self.device, self.batches = material, attention, device, material.batches

    def model(self) -> Any:
        """A fresh model, on the device."""
        with self.device:
            model = self.material.model()
        model.set_attn_implementation(self.attention)
        return model


def plain(asked: Asked, machine: Machine, steps: int) -> Paced:
    """What the Trainer does in a step, where it cannot be imported."""
    data = PackedRows(asked.material)

    def train(rest: Rest) -> None:
        model, size = asked.model().to(asked.device).train(), asked.batches.rows
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
        for first in range(0, len(data), size):
            batch = data.collated([data[number] for number in range(first, first + size)])
            told = {name: tensor.to(asked.device, non_blocking=True) for name, tensor in batch.items()}
            with autocast(asked.device, machine):
                loss = model(**told, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            rest(loss.detach())

    return Paced(train, steps, exact=False)


def turns(given: Given, scale: Scale) -> list[dict[str, Any]]:
    """The loop with each of its kernels, and the Trainer with each of its own."""
    machine = scale.machine(given, micro_batch=ROWS * scale.small.context)
    device, folder = choose_device(machine), given.folder("gpu-turns")
    steps = (given.rounds + 3) * scale.together
    material = Material(folder, scale.small, pieces=scale.pieces, rows=ROWS, batches=steps, seed=given.seed)
    known = kernels(material.model(), device, half=scale.precision == "bf16")
    trainer = find_spec("accelerate") is not None
    same = {
        "bf16": scale.precision == "bf16", "weight_decay": 0.1, "adam_beta2": 0.95, "learning_rate": 1e-3,
        "per_device_train_batch_size": ROWS,
    }  # fmt: skip
    ways: dict[str, Paced] = {}
    for name in known[:-1]:
        ways[name] = ours(material, folder / name, machine, scale.together, kernel=name)
    for name in ("sdpa", "flex_attention") if scale.device == "cuda" else ("sdpa",):
        asked: Any = Asked(material, name, device)
        ways[f"peer {name}"] = (
            theirs(asked, folder / f"peer-{name}", machine, PackedRows(material), scale.together, **same)
            if trainer
            else plain(asked, machine, scale.together)
        )
    seconds = interleaved(dict(ways), given.rounds)
    losses = {name: way.leave()[0] for name, way in ways.items()}
    middle = {name: median(each) for name, each in seconds.items()}
    mine = known[0]
    fastest = min(known[:-1], key=lambda name: middle[name])
    peer = min((name for name in ways if name not in known), key=lambda name: middle[name])
    pace = {name: round(ROWS * scale.small.context * scale.together / each) for name, each in middle.items()}
    told: dict[str, Any] = {"tokens_per_s": pace, "parameters": material.parameters, "compiled": scale.compiled}
    apart = max(losses.values()) - min(losses.values())  # of the first step, before anything is learned
    found = [
        row(
            "gpu: Trainer with the same model" if trainer else "gpu: a plain loop like the Trainer's",
            [slow / fast for fast, slow in zip(seconds[mine], seconds[peer], strict=True)], GOALS["Trainer"],
            holds=apart < 0.02, peer=peer, kernel=mine, apart=float(f"{apart:.2g}"), **told,
        )
    ]  # fmt: skip
    if len(known) > 2:
        ratios = [best / own for own, best in zip(seconds[mine], seconds[fastest], strict=True)]
        found.append(row(f"gpu: {mine}, which is taken, is the fastest", ratios, GOALS["chosen"], fastest=fastest))
    return found


def mean_loss(made: Any, masks: Masks, batches: Any, device: torch.device, machine: Machine) -> float:
    """Nats a token, of ``BATCHES`` batches."""
    total, valid = 0.0, 0
    for index in range(BATCHES):
        batch = CAUSAL(batches.part(index, 0, 1), 0)
        for first in range(0, len(batch.labels), ROWS):
            part = batch.part(first, first + ROWS, device)
            with torch.no_grad(), autocast(device, machine):
                total += float(made.loss(masks(part), batch.labels[first : first + ROWS]))
        valid += int((batch.labels != IGNORED).sum())
    return total / valid


def agreement(given: Given, scale: Scale) -> list[dict[str, Any]]:
    """Each kernel against a mask in its precision, and packed rows against a document a row."""
    folder, found = given.folder("gpu-agreement"), []
    material = Material(folder, scale.toy, pieces=scale.pieces, rows=ROWS, batches=BATCHES, seed=given.seed)
    for precision in dict.fromkeys((scale.precision, "fp32")):
        machine = scale.machine(given, compile=False).replace(precision=precision)
        device, half = choose_device(machine), precision == "bf16"
        made = learned(material, folder / precision, machine)
        attention = Attention(made, device, half=half)
        taken, head = str(made.config._attn_implementation), Head(made)

        def loss(kernel: str, batches: Any = material.batches, packed: bool = True, made: Any = made,
                 head: Head = head, device: torch.device = device, machine: Machine = machine) -> float:  # fmt: skip
            made.set_attn_implementation(kernel)
            return mean_loss(head, Masks(made, packed=packed), batches, device, machine)

        masked = loss("sdpa")
        for kernel in kernels(material.model(), device, half=half)[:-1]:
            off = [abs(loss(kernel) - masked)]
            told: dict[str, Any] = {"kernel": kernel, "precision": precision, "loss": round(masked, 4)}
            found.append(row(f"gpu: {kernel} against a mask", off, GOALS["agreement"], most=True, **told))
        off = [abs(loss(taken) - loss("sdpa", Apart(material), packed=False))]
        found.append(
            row(
                "gpu: packed against separate", off, GOALS["agreement"], most=True, holds=attention.packed,
                kernel=taken, precision=precision,
            )
        )  # fmt: skip
    return found


def learned(material: Material, out: Path, machine: Machine) -> Any:
    """A model that has learned for some steps, so that attention is not even."""
    learning = loop(material, out, machine)
    learning.run()
    return learning.model.train()
