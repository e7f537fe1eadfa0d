"""Training speed: measured on this machine, or estimated from the hardware before the first run."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.cost.device import Device
from domain.cost.shape import Shape
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import write_json
from domain.settings.objectives import Family

TRAININGS_PER_KIND = 20  # records per kind; the oldest are dropped
ALIKE = 8.0  # largest ratio of parameters at which a measurement is used: utilisation depends on size
BOUNDS = (0.25, 4.0)  # of the memory factor: values beyond have another cause
GPU_SHARE = {True: 0.35, False: 0.05}  # of the bf16 peak, in bf16 and in fp32 (whose peak is a fifteenth)
UNKNOWN = 100e12  # assumed peak of a GPU that is not in the table
# Training FLOP/s relative to an fp32 matrix product of 1,024 on the same cores, in bf16 and in fp32 (2.6M parameters,
# 2 cores of an EPYC: 14,000 tokens/s with AVX-512, 5,300 without).
CPU_SHARE = {True: 1.0, False: 0.55}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """FLOP/s of one device, the correction factor of memory estimates, and the source of both.

    ``warm_up`` is the extra seconds of the first steps of a training.
    """

    flops_per_second: float
    memory_factor: float
    source: str
    warm_up: float = 0.0
    measured: bool = False


def speed_of(shape: Shape, device: Device, measured: Measured) -> Speed:
    """Measured in the most similar training on such a device; else estimated."""
    nearest = measured.nearest(device, shape.family, shape.parameters)
    if nearest is None:
        rate, source = guessed_rate(device)
        return Speed(flops_per_second=rate, memory_factor=1.0, source=source)
    source = f"measured: {nearest['label']}, {nearest['parameters'] / 1e6:,.4g}M parameters"
    return Speed(
        flops_per_second=nearest["flops_per_second"],
        memory_factor=nearest["memory_factor"],
        source=source,
        warm_up=nearest["warm_up"],
        measured=True,
    )


class Measured:
    """``<work>/machine.json``: records of trainings by device, precision and family.

    A record has ``identity`` and ``label`` of the training, ``parameters`` of its model, ``flops_per_second`` of one
    device including recomputation, ``warm_up`` (extra seconds of the first steps), ``memory_factor`` (measured by
    estimated), and ``planned`` and ``measured`` with ``seconds`` and bytes of ``memory``.
    """

    def __init__(self, work: Path) -> None:
        self.path = work / "machine.json"

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """All records; empty if the file is missing or unreadable, since everything can be measured again."""
        try:
            kinds = read_json(self.path).items()
        except (OSError, JSONFileError):
            return {}
        return {name: list(filter(usable, records)) for name, records in kinds if isinstance(records, list)}

    def nearest(self, device: Device, family: Family, parameters: int) -> dict[str, Any] | None:
        """The record of that kind with the model closest in size, on ties the newest; None if all are too different."""

        def apart(training: dict[str, Any]) -> float:
            return abs(math.log(training["parameters"] / parameters))

        records = reversed(self.read().get(kind(device, family), []))
        return min((each for each in records if apart(each) <= math.log(ALIKE)), key=apart, default=None)

    def of(self, identity: str) -> dict[str, Any] | None:
        """The record of the training with that identity, on any device."""
        records = (each for trainings in self.read().values() for each in trainings)
        return next((each for each in records if each["identity"] == identity), None)

    def add(self, device: Device, family: Family, training: dict[str, Any]) -> None:
        """Add the record of a training, replacing an earlier one."""
        content, name = self.read(), kind(device, family)
        others = [each for each in content.get(name, []) if each["identity"] != training["identity"]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {**content, name: [*others, training][-TRAININGS_PER_KIND:]})


def usable(record: object) -> bool:
    """Whether a record has all that is read from one, as numbers that speed and memory can be computed with."""
    if not isinstance(record, dict) or not all(isinstance(record.get(name), str) for name in ("identity", "label")):
        return False
    costs = [record[name] for name in ("planned", "measured") if name in record]
    return (
        all(isinstance(each, dict) and all(bounded(each.get(name)) for name in ("seconds", "memory")) for each in costs)
        and all(bounded(record.get(name)) for name in ("parameters", "flops_per_second", "memory_factor"))
        and bounded(record.get("warm_up"), zero=True)
    )


def bounded(value: object, *, zero: bool = False) -> bool:
    """Whether a value is a number above 0, or from 0, and not beyond what a computation may overflow by."""
    return type(value) in (int, float) and (0 if zero else 1e-30) <= value < 1e30  # type: ignore[operator]


def kind(device: Device, family: Family) -> str:
    """The key of records: device, precision, family."""
    return f"{device.name}, {'bf16' if device.bf16 else 'fp32'}, {family}"


def factor_of(measured: float, planned: float, sure: float) -> float:
    """Measured by planned memory, both without the part that is ``sure``, within ``BOUNDS``."""
    low, high = BOUNDS
    return min(high, max(low, (measured - sure) / (planned - sure)))


def matmul_rate(size: int = 1_024, seconds: float = 0.3) -> float:
    """FLOP/s of an fp32 matrix product on this CPU, the best of repeated runs within ``seconds``."""
    left = np.ones((size, size), dtype=np.float32)
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def guessed_rate(device: Device) -> tuple[float, str]:
    """(Estimated FLOP/s of a device, source) for a device without measurements."""
    if not device.gpu:
        return CPU_SHARE[device.bf16] * matmul_rate(), "estimated from a matrix product"
    share = GPU_SHARE[device.bf16]
    if device.peak is None:
        return share * UNKNOWN, f"unknown device {device.name}: {share:.0%} of {UNKNOWN / 1e12:.0f} TFLOP/s"
    return share * device.peak, f"{share:.0%} of {device.name}'s peak, an estimate until a training is measured"
