"""Snapshots of a training: weights, moments and random states as named tensors, copied to the host and restored."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import SavePlan, SavePlanner
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.checkpoint.storage import WriteResult
from torch.distributed.tensor import DTensor
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from domain.errors import UserError
from domain.training.state.metadata import CheckpointReader, write_metadata

MOMENTS = {"step", "exp_avg", "exp_avg_sq"}
# What torch inserts into parameter names when modules are compiled or recomputed.
WRAPPERS = ("_orig_mod.", "_checkpoint_wrapped_module.")

warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # single-process use is intended


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers by their names in the plain model; shared tensors once.

    Names are the same whether the model is plain, compiled, replicated (DDP) or sharded (FSDP2). The tensors are the
    model's own. ``state_dict`` is used because it makes FSDP2 reshard gathered parameters.
    """
    while isinstance(model, DistributedDataParallel) or hasattr(model, "_orig_mod"):
        model = getattr(model, "module" if isinstance(model, DistributedDataParallel) else "_orig_mod")
    named: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        for wrapper in WRAPPERS:
            name = name.replace(wrapper, "")
        named.setdefault(id(tensor), (name, tensor))
    return dict(named.values())


def snapshot(model: nn.Module, optimizer: Optimizer, rank: int) -> dict[str, Tensor]:
    """``model.<name>``, ``optimizer.<name>.<moment>`` and ``random.<device>.<rank>``: the tensors themselves.

    Moments are taken as they are, and may be missing: torch's ``get_optimizer_state_dict`` would run a step to create
    them, which advances the counters. Settings of the groups (rate, decay) follow from the recipe and the step.
    """
    named = weights(model)
    names = {id(tensor): name for name, tensor in named.items()}
    moments = {
        f"optimizer.{names[id(parameter)]}.{key}": value
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
    }
    return {**{f"model.{name}": tensor.detach() for name, tensor in named.items()}, **moments, **random(rank)}


def random(rank: int) -> dict[str, Tensor]:
    """Random generator states of this rank: uint8, on the CPU."""
    cuda = {f"random.cuda.{rank}": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}
    return {f"random.cpu.{rank}": torch.get_rng_state(), **cuda}


class HostCopies:
    """Copies of tensors (of sharded ones, this rank's shard) in host memory that is reused for the next copy.

    Pinned memory receives tensors of a GPU at the full rate of the bus; reused pages halve the time on a CPU.
    """

    def __init__(self) -> None:
        self.copies: dict[str, Tensor] = {}

    @torch.no_grad()
    def copy(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Copies of the tensors, valid until the next call."""
        self.copies = {name: self.room(name, tensor) for name, tensor in tensors.items()}
        for name, tensor in tensors.items():
            shard(self.copies[name]).copy_(shard(tensor), non_blocking=True)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return self.copies

    def room(self, name: str, tensor: Tensor) -> Tensor:
        """Memory for ``tensor``, with the same sharding."""
        copy = self.copies.get(name)
        if copy is not None and (copy.shape, copy.dtype) == (tensor.shape, tensor.dtype):
            return copy
        return torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)


def shard(tensor: Tensor) -> Tensor:
    """This rank's shard of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


class CheckpointWriter(FileSystemWriter):
    """Writes one file per rank, the metadata as JSON, and raises an ``OSError`` unwrapped.

    ``torch.save`` reports a full disk as "unexpected pos" and keeps the cause only as context, which is lost when the
    error is sent to other ranks.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, per_thread_copy_ahead=0)  # all tensors are on the host, so the thread needs no GPU
        self.folder = folder

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        """Write as the base class does."""
        try:
            return super().write_data(plan, planner)
        except RuntimeError as error:
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        """Write the metadata."""
        write_metadata(self.folder, metadata, results)


@contextmanager
def unwrapped_errors() -> Iterator[None]:
    """Raise the error of a rank on all ranks, unwrapped from ``CheckpointException``."""
    try:
        yield
    except CheckpointException as error:
        raise next(iter(error.failures.values()))[0] from None


@contextmanager
def refused_content(folder: Path) -> Iterator[None]:
    """Raise ``UserError`` for tensors and state that cannot be restored, whatever is raised for what others wrote."""
    try:
        yield
    except (OSError, MemoryError, UserError):
        raise
    except Exception as error:
        if "memory" in str(error):
            raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise UserError(str(folder), f"holds what cannot be restored ({reason})", f"remove {folder}") from None


def write(tensors: dict[str, Tensor], folder: Path, group: dist.ProcessGroup | None) -> None:
    """Write the tensors of all ranks of ``group`` (None: this process) to ``folder``, which all share."""
    with unwrapped_errors():
        save(tensors, storage_writer=CheckpointWriter(folder), process_group=group, no_dist=group is None)


def restore(
    folder: Path, model: nn.Module, optimizer: Optimizer, rank: int, group: dist.ProcessGroup | None
) -> dict[str, Tensor]:
    """Restore model, optimizer and random states from ``folder``, whatever number of ranks wrote it.

    Returns the other tensors, on the CPU. A rank that the checkpoint does not have keeps its random state. Raises
    ``UserError`` if the checkpoint is of another model.
    """
    reader = CheckpointReader(folder)
    saved: dict[str, Any] = reader.read_metadata().state_dict_metadata
    here = snapshot(model, optimizer, rank)
    check(folder, saved, here)
    tensors: dict[str, Tensor] = {}
    for key, metadata in saved.items():
        kind, _, name = key.partition(".")
        weight = here.get(f"model.{name.rpartition('.')[0]}") if kind == "optimizer" else None
        if key in here:
            tensors[key] = here[key]
        elif weight is not None and weight.shape == metadata.size:
            tensors[key] = torch.empty_like(weight, dtype=metadata.properties.dtype)  # sharded as its weight is
        elif kind != "random":
            tensors[key] = torch.empty(metadata.size, dtype=metadata.properties.dtype)
    with refused_content(folder):
        with unwrapped_errors():
            load(tensors, storage_reader=reader, process_group=group, no_dist=group is None)
        set_moments(model, optimizer, tensors)
        if f"random.cpu.{rank}" in tensors:
            torch.set_rng_state(tensors[f"random.cpu.{rank}"])
        if f"random.cuda.{rank}" in tensors:
            torch.cuda.set_rng_state(tensors[f"random.cuda.{rank}"])
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(("model.", "optimizer.", "random."))}


def restore_weights(folder: Path, model: nn.Module) -> None:
    """Restore the weights alone; raises ``UserError`` if the checkpoint is of another model."""
    reader, tensors = CheckpointReader(folder), {f"model.{name}": t.detach() for name, t in weights(model).items()}
    check(folder, reader.read_metadata().state_dict_metadata, tensors)
    with refused_content(folder), unwrapped_errors():
        load(tensors, storage_reader=reader, no_dist=True)


def set_moments(model: nn.Module, optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Set the optimizer's moments to those in ``tensors``; a parameter without any has not been updated yet.

    Raises ``ValueError`` for moments that are not AdamW's, or of another shape than their weight.
    """
    moments: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, _, name = key.partition(".")
        if kind == "optimizer":
            name, _, moment = name.rpartition(".")
            moments.setdefault(name, {})[moment] = tensor
    named = weights(model)
    for name, each in moments.items():
        if each.keys() != MOMENTS or any(each[key].shape != named[name].shape for key in MOMENTS - {"step"}):
            raise ValueError(f"the moments of {name} are not AdamW's")
    names = {id(tensor): name for name, tensor in named.items()}
    learning = [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
    state = {place: moments[name] for place, name in enumerate(learning) if name in moments}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def check(folder: Path, saved: Mapping[str, Any], here: Mapping[str, Tensor]) -> None:
    """Raise ``UserError`` if the checkpoint is of another model."""
    there = {
        key: (metadata.size, metadata.properties.dtype) for key, metadata in saved.items() if key.startswith("model.")
    }
    expected = {key: (tensor.shape, tensor.dtype) for key, tensor in here.items() if key.startswith("model.")}
    differ = sorted(key for key in there.keys() | expected.keys() if there.get(key) != expected.get(key))
    if differ:
        name = differ[0].removeprefix("model.")
        problem = f"is of another model: {len(differ)} tensors differ, for example {name}"
        raise UserError(str(folder), problem, f"remove {folder.parent} to start again")
