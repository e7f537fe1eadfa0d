"""How fast a training goes, and what it waits for: what its points tell of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from domain.tokens.batch import Batch
from domain.training.mfu import FORMULA, BatchFlops

# What of a point depends on the machine, so stays in the spool.
THROUGHPUT_FIELDS = ("tokens_per_second", "mfu", "waited", "saving", "memory_mb")


class Throughput:
    """Counts from one telling to the next, on a training's ``device``, one of as many ``ranks``.

    ``tokens`` are those that are learned from, of all ranks. Looks at held-out text are not in the time.
    """

    def __init__(self, batch_flops: BatchFlops, device: torch.device, ranks: int) -> None:
        self.batch_flops, self.device, self.ranks = batch_flops, device, ranks
        self.flops_per_token = 0.0
        self.begin(0)

    def begin(self, tokens: int) -> None:
        """Count anew, where so many tokens have been learned from."""
        self.since, self.behind = time.perf_counter(), tokens
        self.flops, self.saved = 0, 0.0

    def of(self, batch: Batch) -> int:
        """FLOPs of this rank's part of a batch. Without a peak to compare them with, only the first is counted."""
        return self.batch_flops(batch) if self.batch_flops.peak or not self.flops_per_token else 0

    def add(self, flops: int, tokens: int) -> None:
        """A batch's FLOPs, those of all ranks, and the tokens that are learned from it."""
        self.flops += flops
        self.flops_per_token = self.flops_per_token or flops / tokens

    @contextmanager
    def saving(self) -> Iterator[None]:
        """The loop stands still inside, to have its state copied."""
        began = time.perf_counter()
        yield
        self.saved += time.perf_counter() - began

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done inside is no learning; a device ends its steps first."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        began = time.perf_counter()
        yield
        self.since += time.perf_counter() - began

    def measure(self, tokens: int, waited: float) -> dict[str, float]:
        """``THROUGHPUT_FIELDS``, since the last telling; ``waited`` are the seconds for which batches were waited for.

        ``waited`` and ``saving`` are shares of the time; ``mfu`` (``domain.training.mfu``) is there where the
        device has a peak. The device must have ended its steps.
        """
        seconds = time.perf_counter() - self.since
        point = {"tokens_per_second": (tokens - self.behind) / seconds, "waited": waited / seconds}
        if self.batch_flops.peak:
            point["mfu"] = self.flops / (seconds * self.batch_flops.peak * self.ranks)
        return {**point, "saving": self.saved / seconds, "memory_mb": peak_memory(self.device)}

    def about(self) -> dict[str, Any]:
        """What is the same for all points, told once: FLOPs of a token that is learned from, by the first batch."""
        peak = {"device": self.batch_flops.name, "peak_flops": self.batch_flops.peak} if self.batch_flops.peak else {}
        return {"flops_per_token": self.flops_per_token, "flops_formula": FORMULA, **peak}


def peak_memory(device: torch.device) -> float:
    """The most memory that was held, in MB (10^6 bytes): the GPU's, or the process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:  # getrusage tells the parent's peak where that was higher: Linux keeps it across exec
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
