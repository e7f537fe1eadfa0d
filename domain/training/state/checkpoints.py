"""Asynchronous checkpoints: copied to the host, written in a background thread, independent of the number of ranks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from domain.training.state.snapshot import HostCopies, restore, snapshot, write
from domain.training.state.storage import CheckpointFolders

T = TypeVar("T")
OTHER = "other."  # prefix of tensors other than weights, moments and random states


@dataclass(frozen=True)
class Saved:
    """A checkpoint apart from model, optimizer and random states; ``tensors`` are on the CPU."""

    step: int
    state: dict[str, Any]
    tensors: dict[str, Tensor]


class Checkpoints:
    """The checkpoints of ``model`` and ``optimizer`` in ``folder``, which all ranks share.

    Each holds weights, moments and the random states of all ranks, and loads with any number of ranks and any sharding.
    All methods must be called on all ranks, in the same order. As a context manager it waits at the end for the write
    in progress. The newest ``keep`` checkpoints stay, and permanent ones are also put in the folder ``lasting``.
    """

    def __init__(
        self, folder: Path, model: nn.Module, optimizer: Optimizer, *, keep: int = 2, lasting: Path | None = None
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.folders = CheckpointFolders(folder, keep, lasting)
        several = dist.is_available() and dist.is_initialized()
        # A group of its own, since its thread communicates during training. The timeout allows for slow disks.
        self.group = dist.new_group(backend="gloo", timeout=timedelta(hours=2)) if several else None
        self.rank = dist.get_rank() if several else 0
        self.host, self.thread = HostCopies(), ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self.writing: Future[None] | None = None
        self.on_rank_zero(self.folders.tidy)

    def save(
        self,
        step: int,
        state: Mapping[str, Any],
        *,
        tensors: Mapping[str, Tensor] | None = None,
        wait: bool = False,
        anchor: bool = False,
        lasts: bool = False,
    ) -> None:
        """Save the training after ``step`` steps, with ``state`` (JSON) and ``tensors`` (equal on all ranks).

        Tensors are copied to the host and written by a thread. A previous write is waited for, and its error raised
        here. With ``wait`` the checkpoint is on disk at return. The newest ``anchor`` is kept when others are removed;
        with ``lasts`` the checkpoint is permanent.
        """
        self.finish()
        copied_state = json.loads(json.dumps(dict(state)))
        others = {OTHER + name: tensor for name, tensor in (tensors or {}).items()}
        copies = self.host.copy({**snapshot(self.model, self.optimizer, self.rank), **others})
        self.writing = self.thread.submit(self.write, step, copies, copied_state, anchor, lasts)
        if wait:
            self.finish()

    def finish(self) -> None:
        """Wait for the write in progress and raise its error, for example the ``OSError`` of a full disk."""
        writing, self.writing = self.writing, None
        if writing is not None:
            writing.result()

    def load(self, step: int | None = None) -> Saved | None:
        """Restore the newest valid checkpoint, or that of ``step``; None if there is none.

        Damaged checkpoints are skipped with a warning; those after ``step`` are removed. Raises ``Damaged`` if that of
        ``step`` is damaged, and ``UserError`` if it belongs to another model.
        """
        self.finish()
        newest = self.on_rank_zero(self.folders.newest if step is None else partial(self.folders.go_back, step))
        if newest is None:
            return None
        others = restore(self.folders.at(newest), self.model, self.optimizer, self.rank, self.group)
        tensors = {name.removeprefix(OTHER): tensor for name, tensor in others.items()}
        return Saved(newest, self.folders.state(newest), tensors)

    def anchor(self) -> int | None:
        """The step of the newest valid anchor; None if there is none."""
        self.finish()
        return self.on_rank_zero(self.folders.newest_anchor)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.finish()
        except Exception:
            if kind is None:  # otherwise the error that stopped the training matters more
                raise
        finally:
            self.thread.shutdown()

    def write(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any], anchor: bool, lasts: bool) -> None:
        """In the thread: each rank writes its part, then rank 0 seals the checkpoint."""
        try:
            write(tensors, self.folders.aside(step), self.group)
            self.on_rank_zero(partial(self.folders.complete, step, state, anchor, lasts))
        except Exception:
            if self.rank == 0:
                self.folders.abandon(step)
            raise

    def on_rank_zero(self, do: Callable[[], T]) -> T:
        """Call ``do`` on rank 0; return its result, or raise its error, on every rank."""
        outcome: list[Any] = [None, None]
        if self.rank == 0:
            try:
                outcome = [do(), None]
            except Exception as error:
                outcome = [None, error]
        if self.group is not None:
            dist.broadcast_object_list(outcome, src=0, group=self.group)
        value, failure = outcome
        if failure is not None:
            raise failure
        result: T = value
        return result
