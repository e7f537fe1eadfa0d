"""Compares a training's time and memory with its estimate, and stores both for later plans."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from domain.artifacts import Artifact, Checkpoint, Trial
from domain.cost.device import Device, device_of
from domain.cost.shape import Shape, shape_of
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, padded
from domain.planning.expected import Expected, done_of, expect
from domain.planning.speed import Measured, factor_of, speed_of
from domain.settings.learning import Learning, Training
from domain.spec import Spec
from domain.tokenizer.files import pieces_of
from domain.training.metrics_log import read_about, read_points
from domain.units import duration, size
from flows.records import Costs, Took

logger = logging.getLogger(__name__)

Points = Sequence[Mapping[str, float]]  # what a training logged of each step, by the name of the number
WARM_UP = 3  # steps left out of the speed: memory is allocated, blocks are compiled


def measure(
    label: str, spec: Spec, parents: Mapping[str, Artifact], made: Artifact, spool: Path, machine: Machine
) -> dict[str, Any] | None:
    """Compare a training with its plan, and record it in the work folder; None for any other stage.

    Returns the record of ``domain.planning.speed``. An error is logged and never ends the training.
    """
    points, learning = read_points(spool), learned(spec)
    if not points or learning is None or not isinstance(made, Checkpoint | Trial):
        return None
    try:
        return noted(label, spec, learning, parents, made, points, machine, read_about(spool))
    except (UserError, OSError, LookupError, ArithmeticError, TypeError, ValueError) as error:
        logger.warning("%s: not measured (%s: %s)", label, type(error).__name__, error)
        return None


def noted(
    label: str,
    spec: Spec,
    learning: Learning,
    parents: Mapping[str, Artifact],
    made: Artifact,
    points: Points,
    machine: Machine,
    about: Mapping[str, object],
) -> dict[str, Any]:
    """The record of a training, added to the others."""
    shape, grown = shape_learned(spec, learning, parents)
    device, measured = device_of(machine.replace(gpu="", memory_gb=None)), Measured(machine.work)
    speed, tokens = speed_of(shape, device, measured), made.facts["tokens"]
    planned = expect(shape, learning, tokens, device, machine, speed, grown=grown)
    done = done_of(shape, learning, machine, grown=grown)
    record = compared(label, made.identity, shape, points, tokens, device, planned, done)
    record["measured"] |= {**about, **used(points)}
    measured.add(device, shape.family, record)
    return record


def learned(spec: Spec) -> Learning | None:
    """The settings of a training stage's training; None for other stages."""
    if isinstance(spec, Base):
        return spec.learning if spec.scratch else None
    return spec if isinstance(spec, Training) else None


def shape_learned(spec: Spec, learning: Learning, parents: Mapping[str, Artifact]) -> tuple[Shape, bool]:
    """The shape of the trained model, and whether its vocabulary was extended."""
    if isinstance(spec, Base):
        tokenizer = parents["tokenizer"]
        return shape_of(spec, padded(pieces_of(tokenizer.path), spec.pad_rows)), False
    base = parents["base"]
    lora = getattr(learning, "lora", None)
    first, last = base.facts.get("embeddings", {}).get("new_rows", (0, 0))
    return shape_of(Base(weights=str(base.path)), None, lora.targets if lora else ()), last > first


def compared(
    label: str,
    identity: str,
    shape: Shape,
    points: Points,
    tokens: int,
    device: Device,
    planned: Expected,
    done: float,
) -> dict[str, Any]:
    """The record of a training from its logged points: ``tokens`` of text were read, at ``done`` FLOPs each."""
    times = seconds(points)
    first, steady = (times[:WARM_UP], times[WARM_UP:]) if len(times) > 2 * WARM_UP else ([], times)
    text = tokens / points[-1]["tokens"]  # points count predicted tokens
    speed = sum(count for count, _ in steady) / sum(time for _, time in steady)
    memory = max(point["memory_mb"] for point in points) * 1e6
    estimated = planned.memory
    return {
        "identity": identity,
        "label": label,
        "parameters": shape.parameters,
        "flops_per_second": done * text * speed / device.count,
        "warm_up": max(0.0, sum(time - count / speed for count, time in first)),
        "memory_factor": factor_of(memory, estimated.plain, estimated.sure),
        "planned": {"seconds": planned.seconds, "memory": estimated.peak},
        "measured": {"seconds": sum(time for _, time in times), "memory": memory},
    }


def seconds(points: Points) -> list[tuple[float, float]]:
    """(Predicted tokens, seconds) of each step, without validation."""
    before, steps = 0.0, []
    for point in points:
        count = point["tokens"] - before
        steps.append((count, count / point["tokens_per_second"]))
        before = point["tokens"]
    return steps


def used(points: Points) -> dict[str, float]:
    """The median MFU; empty where none was logged."""
    shares = [point["mfu"] for point in points if "mfu" in point]
    return {"mfu": median(shares)} if shares else {}


def took(measured: Measured, identity: str) -> Took | None:
    """What the training of that artifact took; None where it was not measured."""
    record = measured.of(identity) or {}
    both = {"planned", "measured"} <= record.keys()
    return {"planned": record["planned"], "measured": record["measured"]} if both else None


def comparison(record: Took) -> str:
    """The comparison as a line; with MFU on a GPU whose peak is known."""
    planned, measured = record["planned"], record["measured"]
    longer, larger = measured["seconds"] / planned["seconds"] - 1, measured["memory"] / planned["memory"] - 1
    return (
        f"trained in {duration(measured['seconds'])} (estimate {duration(planned['seconds'])}, {longer:+.0%}); "
        f"peak memory {size(measured['memory'])} (estimate {size(planned['memory'])}, {larger:+.0%})"
        + utilisation(measured)
    )


def utilisation(measured: Costs) -> str:
    """MFU, the peak and the FLOPs per token; empty where no MFU was measured."""
    if not {"mfu", "flops_per_token", "peak_flops"} <= measured.keys():
        return ""
    each, peak = measured["flops_per_token"] / 1e9, measured["peak_flops"] / 1e12
    return f"; MFU {measured['mfu']:.1%} of {peak:,.0f} TFLOP/s at {each:,.3g} GFLOPs a token"
