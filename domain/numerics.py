"""What of a machine profile may change the numbers that a training or scoring computes, recorded with its result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from domain.machine import Machine
from domain.spec import Spec


class Numerics(Spec):
    """The hardware and settings that a stage computed with. They are part of no identity, and of no digest.

    Sums are taken in another order with another number of threads, processes or tokens a forward pass, and rounded
    otherwise in another precision, so the same recipe may give slightly other weights and scores.
    """

    device: str
    precision: str
    threads: int
    processes: int
    micro_batch: int
    shard: int
    recompute: str
    compile: bool
    torch: str

    def sentence(self) -> str:
        """The record in a line, for a card."""
        processes = f"{self.processes} processes" if self.processes > 1 else "one process"
        compiled = ", compiled" if self.compile else ""
        computed = f"{self.device}, {self.precision}, {processes} with {self.threads} CPU threads{compiled}"
        return f"{computed}, torch {self.torch}"


def numerics_of(machine: Machine) -> Numerics:
    """What this process computes with under ``machine``, with ``auto`` resolved."""
    import torch

    kind = device_type(machine)
    name = torch.cuda.get_device_name() if kind == "cuda" and torch.cuda.is_available() else kind
    return Numerics(
        device=name if name == kind else f"{kind} ({name})",
        precision=precision_of(kind, machine),
        threads=torch.get_num_threads(),
        processes=int(os.environ.get("WORLD_SIZE", "1")),
        micro_batch=machine.micro_batch,
        shard=machine.shard,
        recompute=machine.recompute,
        compile=machine.compile,
        torch=torch.__version__,
    )


def device_type(machine: Machine) -> str:
    """``cuda`` or ``cpu``; ``auto`` takes a GPU if there is one."""
    import torch

    if machine.device != "auto":
        return machine.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision_of(device: str, machine: Machine) -> str:
    """``bf16`` or ``fp32``: on a CPU bfloat16 only where it has the instructions (else it is slower)."""
    import torch

    if machine.precision != "auto":
        return machine.precision
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if fast else "fp32"


def differences(recorded: Mapping[str, Any] | None, machine: Machine) -> str:
    """How a finished artifact was computed otherwise than ``machine`` asks for; empty if it was not.

    Only what the profile states is compared: resolving ``auto`` would import torch into a run that makes nothing.
    """
    if not recorded:
        return ""
    asked = {"device": machine.device, "precision": machine.precision}
    other = [
        f"{recorded[name]} (this machine profile says {value})"
        for name, value in asked.items()
        if value != "auto" and not str(recorded[name]).startswith(value)
    ]
    return ", ".join(other)
