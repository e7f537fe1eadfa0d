"""What is trained on a GPU, by how many rows at once, and what the plan says that it holds."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from domain.cost.device import device_of
from domain.cost.shape import shape_of
from domain.cost.token_flow import token_flow
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.planning.layouts import room_of, sizes
from domain.planning.memory import Setting, training_memory
from domain.settings.objectives import Causal
from tests.benchmarks.training.material import Given, Material

LARGE = Scratch(width=2_048, layers=19, heads=16, context=4_096)  # 1,028M parameters
SMALL = Scratch(width=1_024, layers=24, heads=16, context=4_096)  # 337M
DEEP = Scratch(width=4_096, layers=1, heads=32, context=4_096)  # as many layers as fit
TOY = Scratch(width=512, layers=4, heads=8, context=1_024)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is trained on which device; ``TINY`` tries all of it on a CPU."""

    device: str = "cuda"
    precision: str = "bf16"
    pieces: int = 32_768
    rows: int = 8  # of a batch
    large: Scratch = LARGE
    small: Scratch = SMALL
    deep: Scratch = DEEP
    toy: Scratch = TOY
    compiled: bool = True
    together: int = 5  # steps between two looks at the clock, where trainings take turns

    def machine(self, given: Given, **more: Any) -> Machine:
        """The profile."""
        return given.machine(device=self.device, precision=self.precision, **{"compile": self.compiled, **more})


SHAPES: dict[str, Any] = {
    name: Scratch(width=32, layers=2, heads=2, context=64) for name in ("large", "small", "deep", "toy")
}
TINY = Scale(device="cpu", precision="fp32", pieces=256, compiled=False, together=1, **SHAPES)


def material_of(given: Given, scale: Scale, name: str, shape: Scratch, batches: int, rows: int) -> Material:
    """Batches for a model of this shape."""
    return Material(given.folder(name), shape, pieces=scale.pieces, rows=rows, batches=batches, seed=given.seed)


def planned(shape: Scratch, pieces: int, machine: Machine, rows: int) -> Callable[[int], float]:
    """Bytes that the plan says a training holds, by the rows of a forward pass."""
    known = shape_of(Base(scratch=shape, tokens=1), pieces)
    half = device_of(machine).bf16

    def held(each: int) -> float:
        how = Setting(
            rows=rows, each=each, gpu=machine.device == "cuda", bf16=half, recompute=machine.recompute,
            compiled=machine.compile, saves=False,
        )  # fmt: skip
        return training_memory(known, token_flow(Causal(), shape.context), how).peak

    return held


def room(machine: Machine) -> float:
    """Bytes that a training may hold on this device."""
    return room_of(device_of(machine)) or 40e9


def held() -> float:
    """The most GB that were allocated on the GPU."""
    return round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else 0.0


def fitting(material: Material, machine: Machine, rows: int) -> Iterator[Machine]:
    """With the largest micro-batch that the plan says fits; then smaller ones, should it be wrong."""
    bytes_of = planned(material.shape, material.pieces, machine, rows)
    fits = [each for each in sizes(rows, rows) if bytes_of(each) <= room(machine)]
    for each in fits or [1]:
        yield machine.replace(micro_batch=each * material.shape.context)


def emptied() -> None:
    """Give back what a failed try held of the GPU's memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
