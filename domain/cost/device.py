"""The devices that train: GPU or CPU, how many, their memory and peak FLOP/s."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from domain.errors import UserError
from domain.machine import Machine

# Dense bf16 peak in FLOP/s (fp16 of a T4) and memory in bytes, by a part of the device's name; makers' data sheets.
GPUS = {
    "H200": (989e12, 141e9), "H100 PCIe": (756e12, 80e9), "H100": (989e12, 80e9), "A100-80": (312e12, 80e9),
    "A100-SXM4-80": (312e12, 80e9), "A100 80": (312e12, 80e9), "A100": (312e12, 40e9), "L40S": (362e12, 48e9),
    "L40": (181e12, 48e9), "A10": (125e12, 24e9), "T4": (65e12, 16e9),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Device:
    """``ranks`` training processes, each on one such GPU or on its share of a CPU.

    ``memory`` is in bytes per GPU, or of the host for a CPU; None if unknown.
    """

    gpu: bool
    name: str
    memory: float | None
    bf16: bool
    ranks: int = 1
    nodes: int = 1

    @property
    def count(self) -> int:
        """Number of GPUs, or of CPU nodes, for the cost."""
        return self.ranks if self.gpu else self.nodes

    @property
    def peak(self) -> float | None:
        """Dense peak FLOP/s; None if unknown."""
        return next((peak for name, (peak, _) in GPUS.items() if name in self.name), None) if self.gpu else None


def device_of(machine: Machine) -> Device:
    """The device by the machine profile and this machine; a GPU that the profile names need not be present."""
    import torch

    from domain.model.device import uses_bf16

    here = torch.cuda.is_available()
    stated = machine.memory_gb * 1e9 if machine.memory_gb else None
    if machine.device == "cpu" or not (here or machine.gpu or machine.device == "cuda"):
        if machine.gpu:
            raise UserError("machine.gpu", f"is {machine.gpu}, but device is cpu", "drop one of them")
        half = uses_bf16(torch.device("cpu"), machine)
        ranks = (machine.processes or 1) * machine.nodes
        name = f"{processor()}, {machine.thread_count} threads"
        return Device(gpu=False, name=name, memory=stated or host(), bf16=half, ranks=ranks, nodes=machine.nodes)
    name = machine.gpu or (torch.cuda.get_device_name() if here else "a GPU")
    memory = stated or next((memory for gpu, (_, memory) in GPUS.items() if gpu in name), None)
    if here and not machine.gpu and not stated:
        memory = float(torch.cuda.get_device_properties(0).total_memory)
    each = machine.processes or (torch.cuda.device_count() if here and not machine.gpu else 1)
    half = machine.precision == "bf16" if machine.precision != "auto" else "T4" not in name
    return Device(gpu=True, name=name, memory=memory, bf16=half, ranks=each * machine.nodes, nodes=machine.nodes)


def processor() -> str:
    """The name of this machine's CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, os.uname().machine)


def host() -> float:
    """Bytes of memory of this machine, or of the container of this process."""
    whole = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(whole, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup, or no limit: "max"
        return whole
