"""Two processes with gloo for the tests of checkpoints: each writes and reads its part, in every way of spreading."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from domain.training.state import snapshot
from domain.training.state.checkpoints import Checkpoints
from tests.domain.training.learner import adamw, held, learn, tiny

Two = tuple[nn.Module, torch.optim.Optimizer, Checkpoints]


def sharded(folder: Path, copies: int = 1, seed: int = 9) -> Two:
    """FSDP2 over the ranks that are left for each of the copies."""
    model = tiny(seed)
    mesh = init_device_mesh("cpu", (copies, 2 // copies), mesh_dim_names=("replicate", "shard"))
    for part in (model.body, model):
        fully_shard(part, mesh=mesh if copies > 1 else mesh["shard"])
    optimizer = adamw(model)
    return model, optimizer, Checkpoints(folder, model, optimizer)


def replicated(folder: Path) -> Two:
    """DDP."""
    model = DistributedDataParallel(tiny(seed=9))
    optimizer = adamw(model)
    return model, optimizer, Checkpoints(folder, model, optimizer)


def gathered(value: Any) -> list[Any]:
    """The value of each rank."""
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def failing(*_: Any) -> None:
    """A disk that is full, on one of two machines."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def work(rank: int, folder: Path) -> None:
    """Leaves what each rank saw in ``folder/seen.pt``; there it finds ``single`` and ``damaged``."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    seen: dict[str, Any] = {}

    model, optimizer, kept = sharded(folder / "sharded", seed=0)
    torch.manual_seed(rank)
    learn(model, optimizer, 3)
    with kept:
        kept.save(3, {"of": "two"}, tensors={"window": torch.arange(4.0)})
        seen["drawn"] = gathered(torch.rand(3))
        seen["sharded"] = held(model, optimizer)
        learn(model, optimizer, 1)

    for copies in (1, 2):
        model, optimizer, kept = sharded(folder / "sharded", copies)
        kept.load()
        seen[f"{copies} drawn"] = gathered(torch.rand(3))
        seen[f"{copies}"] = held(model, optimizer)
    with Checkpoints(folder / "copies", model, optimizer) as kept:
        kept.save(4, {})

    model, optimizer, kept = sharded(folder / "single")
    kept.load()
    seen["single to sharded"] = held(model, optimizer)

    model, optimizer, kept = replicated(folder / "single")
    kept.load()
    seen["single to replicated"] = held(model.module, optimizer)
    with Checkpoints(folder / "replicated", model, optimizer) as kept:
        kept.save(5, {})

    back = replicated(folder / "damaged")[2].load()
    seen["after damage"] = gathered(back.step if back else None)

    model, optimizer, kept = sharded(folder / "full")
    if rank == 1:
        snapshot.FileSystemWriter.write_data = failing  # type: ignore[method-assign]
    try:
        kept.save(1, {}, wait=True)
        told = None
    except OSError as error:
        told = error.errno
    seen["full"] = gathered(told)
    if rank == 0:
        torch.save(seen, folder / "seen.pt")
    dist.destroy_process_group()
    os._exit(0)  # see domain.worker
