"""The largest model that continues on a card: what the plan says fits, confirmed by three steps."""

from __future__ import annotations

import math
from typing import Any

import torch

from domain.machine import Machine
from domain.model.spec import Scratch
from tests.benchmarks.training.card import Scale, emptied, held, material_of, planned, room
from tests.benchmarks.training.material import Given
from tests.benchmarks.training.paced import loop


def three_steps(given: Given, scale: Scale, shape: Scratch, machine: Machine) -> dict[str, Any]:
    """What three steps of such a model held; empty where memory ran out."""
    material = material_of(given, scale, f"gpu-largest-{shape.layers}", shape, 3, 1)
    try:
        points = loop(material, material.folder / "out", machine).run()
    except torch.cuda.OutOfMemoryError:
        return {}
    finite = all(math.isfinite(point["loss"]) for point in points)
    return {"parameters": material.parameters, "held_gb": held(), "passed": finite and len(points) == 3}


def largest(given: Given, scale: Scale) -> list[dict[str, Any]]:
    """The deepest model of the deep shape's width that continues on this card."""
    machine = scale.machine(given, compile=False, recompute="full", micro_batch=scale.deep.context)

    def bytes_of(layers: int) -> float:
        return planned(scale.deep.replace(layers=layers), scale.pieces, machine, 1)(1)

    layers = 1
    while layers < (500 if scale.device == "cuda" else 3) and bytes_of(layers + 1) <= room(machine):
        layers += 1
    tried = []
    for fewer in (layers, layers - max(1, layers // 20), layers - max(2, layers // 8)):
        tried.append(fewer)
        found = three_steps(given, scale, scale.deep.replace(layers=fewer), machine)
        emptied()
        if found:
            planned_gb = round(bytes_of(fewer) / 1e9, 2)
            return [{"stage": "gpu: largest model", **found, "layers": tried, "planned_gb": planned_gb}]
    return [{"stage": "gpu: largest model", "layers": tried, "passed": False}]
