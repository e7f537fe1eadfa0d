"""A training beside other work: how its threads should wait for each other.

Each way is a process of its own, since OpenMP reads its environment once. The ways run in turn, first on the machine as
it is, then beside ``BUSY`` processes for each core. The values are ratios of tokens per second to OpenMP's default.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from domain.machine import Machine, available_cores
from domain.model.spec import Scratch
from flows.run.launch import WAITING
from tests.benchmarks.training.material import Given, Material, row

SHAPE, PIECES, ROWS = Scratch(width=192, layers=4, heads=6, context=256), 4_096, 16
WARM = 3  # steps that are not timed
BUSY = 5  # processes per core that compute without end
SPIN = "while True: pass"


def tokens_per_second(steps: int, threads: int) -> float:
    """Of a training in this process."""
    from tests.benchmarks.training.paced import ours

    with tempfile.TemporaryDirectory() as folder:
        material = Material(Path(folder), SHAPE, pieces=PIECES, rows=ROWS, batches=WARM + steps + 1, seed=0)
        machine = Machine(threads=threads, work=Path(folder), device="cpu", precision="fp32", checkpoint_seconds=1e7)
        train = ours(material, Path(folder) / "out", machine)
        for _ in range(WARM):
            train()
        began = time.perf_counter()
        for _ in range(steps):
            train()
        seconds = time.perf_counter() - began
        train.leave()
    return steps * ROWS * SHAPE.context / seconds


def measure(waiting: dict[str, str], steps: int, threads: int) -> float:
    """Tokens per second of a process whose threads wait in this way."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, "-m", "tests.benchmarks.training.contention", str(steps), str(threads)]
    environment = {**others, "OMP_NUM_THREADS": str(threads), **waiting}
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """Each way against OpenMP's default, on a quiet and on a busy machine."""
    threads = given.threads or available_cores()
    for name, processes, steps, goal in (("quiet", 0, 30, 0.97), ("busy", BUSY * threads, 4, 2.0)):
        with ExitStack() as stack:
            for _ in range(processes):
                stack.callback(stack.enter_context(subprocess.Popen([sys.executable, "-c", SPIN])).kill)
            rates = [
                {way: measure(waiting, steps, threads) for way, waiting in WAITING.items()}
                for _ in range(min(3, given.rounds))
            ]
        spin = round(median(each["spin"] for each in rates))
        for way in ("brief_spin", "sleep"):
            yield row(
                f"contention: {way}, {name}", [each[way] / each["spin"] for each in rates],
                goal if way == "brief_spin" else 0.0, spin_tokens_per_second=spin,
            )  # fmt: skip


if __name__ == "__main__":
    print(tokens_per_second(*map(int, sys.argv[1:])))
