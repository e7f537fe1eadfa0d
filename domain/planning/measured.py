"""What trainings on this machine have shown, kept in the work folder, so that the next plan need not guess."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from domain.cost.device import Device
from domain.manifest import write_json
from domain.settings.objectives import Family

TRAININGS_PER_KIND = 20  # trainings of a kind; the oldest go first
NEEDED = {"identity", "label", "parameters", "flops_per_second", "warm_up", "memory_factor"}
ALIKE = 8.0  # times as many parameters, or as few: beyond it a device is used in another way
BOUNDS = (0.25, 4.0)  # of the factor on what is estimated of memory: beyond it something else went wrong


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
