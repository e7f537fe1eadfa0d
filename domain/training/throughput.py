"""Throughput: tokens per second, MFU, waiting and saving times, and peak memory of a training."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from domain.tokens.batch import Batch
from domain.training.mfu import FORMULA, BatchFlops

# Fields of a point that depend on the machine: they stay in the metrics log and out of the artifact.
THROUGHPUT_FIELDS = ("tokens_per_second", "mfu", "waited", "saving", "memory_mb")


class Throughput:
    """Measures a training from one ``begin`` to the next, on one of ``ranks`` devices.

    Tokens are the valid tokens of all ranks. Validation does not count as training time.
    """

    def __init__(self, batch_flops: BatchFlops, device: torch.device, ranks: int) -> None:
        self.batch_flops, self.device, self.ranks = batch_flops, device, ranks
        self.flops_per_token = 0.0
        self.begin(0)

    def begin(self, tokens: int) -> None:
        """Start a new measurement after ``tokens`` valid tokens."""
        self.since, self.behind = time.perf_counter(), tokens
        self.flops, self.saved = 0, 0.0

    def of(self, batch: Batch) -> int:
        """FLOPs of this rank's part of a batch. Without a known peak only the first batch is counted."""
        return self.batch_flops(batch) if self.batch_flops.peak or not self.flops_per_token else 0

    def add(self, flops: int, tokens: int) -> None:
        """Add a batch: its FLOPs and valid tokens over all ranks."""
        self.flops += flops
        self.flops_per_token = self.flops_per_token or flops / tokens

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Count the block as time for saving checkpoints."""
        began = time.perf_counter()
        yield
        self.saved += time.perf_counter() - began

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the block out of the training time; waits for the device first."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        began = time.perf_counter()
        yield
        self.since += time.perf_counter() - began

    def measure(self, tokens: int, waited: float) -> dict[str, float]:
        """``THROUGHPUT_FIELDS`` since ``begin``; ``waited`` is the seconds that batches were waited for.

        In the result ``waited`` and ``saving`` are shares of the time, and ``mfu`` (``domain.training.mfu``) is present
        if the device's peak is known. The device must be synchronized.
        """
        seconds = time.perf_counter() - self.since
        point = {"tokens_per_second": (tokens - self.behind) / seconds, "waited": waited / seconds}
        if self.batch_flops.peak:
            point["mfu"] = self.flops / (seconds * self.batch_flops.peak * self.ranks)
        return {**point, "saving": self.saved / seconds, "memory_mb": peak_memory(self.device)}

    def about(self) -> dict[str, Any]:
        """Facts that hold for all points: FLOPs per valid token, from the first batch, and the device."""
        peak = {"device": self.batch_flops.name, "peak_flops": self.batch_flops.peak} if self.batch_flops.peak else {}
        return {"flops_per_token": self.flops_per_token, "flops_formula": FORMULA, **peak}


def peak_memory(device: torch.device) -> float:
    """Peak memory in MB (10^6 bytes): allocated on the GPU, or resident in this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:  # getrusage may report the parent's peak: Linux keeps it across exec
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
