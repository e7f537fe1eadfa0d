"""Checkpoints of a running training: copied at once, written behind its back, and the same for any number of ranks."""

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

from domain.training.state.snapshot import Host, put_back, snapshot, write
from domain.training.state.storage import Steps

T = TypeVar("T")
OTHER = "other."  # before the names of tensors that are neither weights, moments nor random states


@dataclass(frozen=True)
class Saved:
    """What a training goes on from, besides model, optimizer and generators. ``tensors`` are on the CPU."""

    step: int
    state: dict[str, Any]
    tensors: dict[str, Tensor]


class Checkpoints:
    """The checkpoints of ``model`` and ``optimizer`` in ``folder``, which all ranks see.

    Weights, moments and the random states of all ranks are part of each. Those of other ranks, other numbers of
    ranks, and other ways in which weights are spread over them, open alike. All methods are called on all ranks, in
    the same order. Used as a context, it waits at the end for what is still being written. The newest ``keep`` stay,
    and in the folder ``lasting`` those that are saved to last.
    """

    def __init__(
        self, folder: Path, model: nn.Module, optimizer: Optimizer, *, keep: int = 2, lasting: Path | None = None
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.steps = Steps(folder, keep, lasting)
        several = dist.is_available() and dist.is_initialized()
        # A group of its own, since its thread speaks while the training does. A slow disk is no dead rank.
        self.group = dist.new_group(backend="gloo", timeout=timedelta(hours=2)) if several else None
        self.rank = dist.get_rank() if several else 0
        self.host, self.thread = Host(), ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self.writing: Future[None] | None = None
        self.first(self.steps.tidy)

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
        """Keep the training as it is after ``step`` steps, with ``state`` (JSON) and ``tensors`` (on all ranks alike).

        It is copied to the host; a thread writes. One that is still being written is waited for, and its error raised
        here. With ``wait`` this one is on the disk at return. The newest ``anchor`` stays when those around it go, and
        what ``lasts`` stays in ``lasting``, whatever becomes of the training.
        """
        self.finish()
        copied_state = json.loads(json.dumps(dict(state)))
        others = {OTHER + name: tensor for name, tensor in (tensors or {}).items()}
        copies = self.host.copy({**snapshot(self.model, self.optimizer, self.rank), **others})
        self.writing = self.thread.submit(self.write, step, copies, copied_state, anchor, lasts)
        if wait:
            self.finish()

    def finish(self) -> None:
        """Wait until nothing is being written. What went wrong is raised: an ``OSError``, such as of a full disk."""
        writing, self.writing = self.writing, None
        if writing is not None:
            writing.result()

    def load(self, step: int | None = None) -> Saved | None:
        """Go back to the newest checkpoint whose digests hold, or to that of ``step``; None where there is none.

        Damaged ones are told on stderr and passed over. What is later than ``step`` is removed. Raises ``Damaged``
        where ``step`` is, and ``UserError`` where another model was saved.
        """
        self.finish()
        newest = self.first(self.steps.newest if step is None else partial(self.steps.go_back, step))
        if newest is None:
            return None
        others = put_back(self.steps.at(newest), self.model, self.optimizer, self.rank, self.group)
        tensors = {name.removeprefix(OTHER): tensor for name, tensor in others.items()}
        return Saved(newest, self.steps.state(newest), tensors)

    def anchor(self) -> int | None:
        """The step of the newest anchor whose digests hold; None where there is none."""
        self.finish()
        return self.first(self.steps.newest_anchor)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.finish()
        except Exception:
            if kind is None:  # else what stopped the training is the error to tell
                raise
        finally:
            self.thread.shutdown()

    def write(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any], anchor: bool, lasts: bool) -> None:
        """In the thread: each rank writes its part, then the first makes it whole."""
        try:
            write(tensors, self.steps.aside(step), self.group)
            self.first(partial(self.steps.make_whole, step, state, anchor, lasts))
        except Exception:
            if self.rank == 0:
                self.steps.abandon(step)
            raise

    def first(self, do: Callable[[], T]) -> T:
        """What ``do`` gives on the first rank, or raises there, on every rank."""
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
