"""Training speed and memory measured on this machine, or estimated from the hardware before the first run."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.cost.device import Device
from domain.cost.shape import Shape
from domain.manifest import write_json
from domain.settings.objectives import Family

TRAININGS_PER_KIND = 20  # trainings of a kind; the oldest go first
NEEDED = {"identity", "label", "parameters", "flops_per_second", "warm_up", "memory_factor"}
ALIKE = 8.0  # times as many parameters, or as few: beyond it a device is used in another way
BOUNDS = (0.25, 4.0)  # of the factor on what is estimated of memory: beyond it something else went wrong
GPU_SHARE = {True: 0.35, False: 0.05}  # of the bf16 peak, a plain loop in bf16 and in fp32, whose peak is a fifteenth
UNKNOWN = 100e12  # the peak that is assumed of a GPU that is not in the table
# A loop of small layers against an fp32 matrix product of 1,024 on the same cores: bf16 learns as fast as that
# product, fp32 slower (2.6M parameters, 2 cores of an EPYC: 14,000 tokens/s with AVX-512, 5,300 without).
CPU_SHARE = {True: 1.0, False: 0.55}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """FLOP/s of one device, by how much memory was underestimated, and where both come from.

    ``warm_up``: seconds that the first steps of a training take longer than the others.
    """

    flops_per_second: float
    memory_factor: float
    source: str
    warm_up: float = 0.0


def speed_of(shape: Shape, device: Device, measured: Measured) -> Speed:
    """As the nearest training on such a device has shown, else as is usual."""
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
    )


class Measured:
    """``<work>/machine.json``: by device, precision and family a list of trainings, each with what was planned of it.

    ``identity`` names the training, ``parameters`` its model; ``flops_per_second`` are those of one device, computed
    again ones included, and ``warm_up`` the seconds that its first steps took longer; ``memory_factor`` is what the
    estimated part of memory was too small by; ``planned`` and ``measured`` hold ``seconds`` and bytes of ``memory``.
    """

    def __init__(self, work: Path) -> None:
        self.path = work / "machine.json"

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """All; none where the file is not there or cannot be read: it holds nothing that cannot be measured again."""
        try:
            content = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        kinds = content.items() if isinstance(content, dict) else ()
        return {name: [each for each in records if each.keys() >= NEEDED] for name, records in kinds}

    def nearest(self, device: Device, family: Family, parameters: int) -> dict[str, Any] | None:
        """The training of that kind whose model was closest in size, of equal ones the newest; None if none is near."""

        def apart(training: dict[str, Any]) -> float:
            return abs(math.log(training["parameters"] / parameters))

        records = reversed(self.read().get(kind(device, family), []))
        return min((each for each in records if apart(each) <= math.log(ALIKE)), key=apart, default=None)

    def of(self, identity: str) -> dict[str, Any] | None:
        """The training of that identity, wherever it was done."""
        records = (each for trainings in self.read().values() for each in trainings)
        return next((each for each in records if each["identity"] == identity), None)

    def add(self, device: Device, family: Family, training: dict[str, Any]) -> None:
        """Note a training, in the place of what was known of it."""
        content, name = self.read(), kind(device, family)
        others = [each for each in content.get(name, []) if each["identity"] != training["identity"]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {**content, name: [*others, training][-TRAININGS_PER_KIND:]})


def kind(device: Device, family: Family) -> str:
    """What is measured apart."""
    return f"{device.name}, {'bf16' if device.bf16 else 'fp32'}, {family}"


def factor_of(measured: float, planned: float, sure: float) -> float:
    """How many times what was estimated (``planned`` less what is ``sure``) the process held beside the sure."""
    low, high = BOUNDS
    return min(high, max(low, (measured - sure) / (planned - sure)))


def matmul_rate(size: int = 1_024, seconds: float = 0.3) -> float:
    """FLOP/s of an fp32 matrix product on this machine's CPU, the best of a short while."""
    left = np.ones((size, size), dtype=np.float32)
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def guessed_rate(device: Device) -> tuple[float, str]:
    """(FLOP/s of one such device, where the figure comes from) before any training was measured on it."""
    if not device.gpu:
        return CPU_SHARE[device.bf16] * matmul_rate(), "estimated from a matrix product"
    share = GPU_SHARE[device.bf16]
    if device.peak is None:
        return share * UNKNOWN, f"unknown device {device.name}: {share:.0%} of {UNKNOWN / 1e12:.0f} TFLOP/s"
    return share * device.peak, f"{share:.0%} of {device.name}'s peak, an estimate until a training was measured"
