"""Choose the device and the precision of training."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from domain.errors import UserError
from domain.machine import Machine
from domain.numerics import device_type, precision_of


def choose_device(machine: Machine) -> torch.device:
    """The device of the machine profile; ``auto`` prefers a GPU. Sets the number of CPU threads."""
    torch.set_num_threads(machine.thread_count)
    if machine.device == "cuda" and not torch.cuda.is_available():
        raise UserError("machine.device", "is cuda, but torch sees no GPU", "use --device cpu")
    return torch.device(device_type(machine))


def uses_bf16(device: torch.device, machine: Machine) -> bool:
    """Whether matrix products run in bf16."""
    return precision_of(device.type, machine) == "bf16"


def autocast(device: torch.device, machine: Machine) -> AbstractContextManager[None]:
    """bf16 autocast if ``uses_bf16``; weights, norms and losses stay in fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=uses_bf16(device, machine))
