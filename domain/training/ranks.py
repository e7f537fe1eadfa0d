"""The processes of a distributed training: their ranks, as started by torchrun, and small reductions between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from domain.machine import Machine
from domain.model.device import choose_device


@dataclass(frozen=True)
class Ranks:
    """This process is ``rank`` of ``size`` and trains on ``device``. A single process has no process group."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def sum_ints(self, *numbers: int) -> list[int]:
        """Each number summed over the ranks; on the host, so the device is not synchronized."""
        if self.size == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.int64)
        dist.all_reduce(summed)
        return [int(number) for number in summed.tolist()]

    def all_reduce(self, value: torch.Tensor) -> torch.Tensor:
        """Sum a tensor over the ranks in place, on its device."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def wait(self) -> None:
        """Barrier: wait until all ranks have reached this call."""
        if self.size > 1:
            self.sum_ints(0)


def count() -> int:
    """Number of processes started by torchrun; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Rank of this process; 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def together(machine: Machine) -> Iterator[Ranks]:
    """The ranks of this training; the process group, gloo for host tensors and NCCL for GPUs, ends with the block."""
    device = choose_device(machine)
    if count() == 1:
        yield Ranks(rank=0, size=1, device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    began = not dist.is_initialized()
    if began:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(rank=dist.get_rank(), size=dist.get_world_size(), device=device)
    finally:
        if began:
            dist.destroy_process_group()
