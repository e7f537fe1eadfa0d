"""Prefetch: a thread makes the next batch while the model trains on the current one."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch

from domain.tokens.batch import Batch
from domain.training.ranks import Ranks
from domain.training.task import TrainingTask

R = TypeVar("R")


class Prefetcher(Generic[R]):
    """This rank's part of each batch, made by the objective in a thread; in pinned memory for a GPU.

    ``waited`` is the seconds that the training has waited for batches.
    """

    def __init__(self, task: TrainingTask[R], ranks: Ranks) -> None:
        self.task, self.ranks = task, ranks
        self.pool = ThreadPoolExecutor(1)
        self.next: tuple[int, Future[Batch]] | None = None
        self.waited = 0.0

    def __call__(self, number: int) -> Batch:
        """Batch ``number``, modulo the number of batches."""
        began = time.perf_counter()
        if self.next is None or self.next[0] != number:
            self.next = number, self.pool.submit(self.read, number)
        batch = self.next[1].result()
        self.next = number + 1, self.pool.submit(self.read, number + 1)
        self.waited += time.perf_counter() - began
        return batch

    def read(self, number: int) -> Batch:
        """This rank's rows of a batch as model inputs."""
        batches = self.task.batches
        size = batches.rows
        rows = batches.part(number % len(batches), self.ranks.rank, self.ranks.size)
        batch = self.task.objective(rows, number * size + size * self.ranks.rank // self.ranks.size)
        return batch.pinned() if self.ranks.device.type == "cuda" else batch

    def close(self) -> None:
        """Wait for the batch in progress and stop the thread."""
        self.pool.shutdown(cancel_futures=True)


def split_rows(rows: int, most: int, each: int) -> list[range]:
    """Split this rank's ``rows`` into as many parts of at most ``each`` rows as the rank with ``most`` rows needs.

    With sharded weights all ranks must make the same number of forward passes, so a part may be empty.
    """
    parts = -(-most // each)
    return [range(rows * n // parts, rows * (n + 1) // parts) for n in range(parts)]


def without_labels(batch: Batch, ignored: int, device: torch.device) -> Batch:
    """The first row of a batch with all labels ignored."""
    first = batch.part(0, 1, device)
    nothing = torch.full_like(first.labels, ignored)
    return Batch(inputs=first.inputs, labels=nothing, valid=first.valid, segments=first.segments)
