"""Two processes, then one, then two again, against one alone: the same rows in the same order, the same losses.

Each turn is stopped by SIGTERM after a third of the steps and goes on from what it saved; the global batch stays as it
is. ``order`` says whether what the ranks read of every batch is, in the order of the ranks, that batch. The value is
the largest relative difference of a loss.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.machine import Machine
from domain.model.attention import Attention
from domain.model.spec import Scratch
from domain.tokens.packing import Rows
from domain.training.metrics_log import read_points, spool_path
from domain.training.preemption import Stopped
from domain.training.ranks import together
from domain.training.task import TrainingPlace, TrainingTask
from domain.training.trainer import Trainer
from tests.benchmarks.training.material import Given, Material, row
from tests.benchmarks.training.paced import CAUSAL

SHAPE, PIECES, ROWS, STEPS = Scratch(width=64, layers=4, heads=4, context=128), 512, 11, 48
TURNS = ((2, STEPS // 3), (1, 2 * STEPS // 3), (2, STEPS))
GOAL = 1e-5  # 11 rows: one process takes them at once, so that its sums are not those of the two


def learn(out: Path, seed: int, stop: int, machine: Machine) -> None:
    """Train up to step ``stop``, as one of however many processes this is; note a digest of every row that is read."""
    with tempfile.TemporaryDirectory() as folder, together(machine) as ranks:
        material = Material(Path(folder), SHAPE, pieces=PIECES, rows=ROWS, batches=STEPS, seed=seed, learning_rate=3e-3)
        read = material.batches.part

        def noted(index: int, rank: int, size: int) -> Rows:
            given = read(index, rank, size)
            digests = [hashlib.sha256(each.tobytes()).hexdigest()[:16] for each in given.tokens]
            with (out.parent / f"{out.name}-rows-{size}-{rank}.jsonl").open("a") as file:
                file.write(json.dumps([index, digests]) + "\n")
            return given

        material.batches.part = noted  # type: ignore[method-assign]
        model = material.model()
        task = TrainingTask(batches=material.batches, objective=CAUSAL)
        place = TrainingPlace(ranks=ranks, machine=machine, attention=Attention(model, ranks.device))
        learning = Trainer(model, task, material.spec, place, out=out, what="benchmark")
        step = learning.step

        def until(batch: Any, valid: int) -> None:
            step(batch, valid)
            if learning.progress.step == stop - 1:  # it ends the step after the one in which it was asked to
                signal.raise_signal(signal.SIGTERM)

        learning.step = until  # type: ignore[method-assign]
        with suppress(Stopped):
            learning.run()


def started(processes: int, out: Path, seed: int, stop: int, machine: Machine) -> None:
    """The same in so many processes that torchrun starts."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    told = [str(out), str(seed), str(stop), machine.model_dump_json()]
    run = subprocess.run(
        [*command, "-m", "tests.benchmarks.training.ranks", *told], env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode:
        sys.exit(run.stderr[-3_000:])


def order(out: Path) -> list[list[str]]:
    """The rows of each batch as they were read, in the order of the ranks. What was read ahead counts too."""
    batches: dict[int, set[tuple[str, ...]]] = {}
    for size in {size for size, _ in TURNS}:
        parts: list[dict[int, list[str]]] = []
        for rank in range(size):
            path = out.parent / f"{out.name}-rows-{size}-{rank}.jsonl"
            parts.append(dict(map(json.loads, path.read_text().splitlines())) if path.exists() else {})
        for index in set.intersection(*(set(part) for part in parts)):
            batches.setdefault(index, set()).add(tuple(row for part in parts for row in part[index]))
    return [sorted(map(str, batches[index])) for index in sorted(batches)]


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """The turns against one process."""
    folder = given.folder("ranks")
    machine = given.machine(device="cpu", precision="fp32").replace(threads=1)
    for processes, stop in TURNS:
        started(processes, folder / "turns", given.seed, stop, machine)
    started(1, folder / "one", given.seed, STEPS + 1, machine)
    turns, one = (read_points(spool_path(folder / name)) for name in ("turns", "one"))
    apart = [abs(a["loss"] - b["loss"]) / b["loss"] for a, b in zip(turns, one, strict=True)]
    same = order(folder / "turns") == order(folder / "one") and len(one) == STEPS
    learned = round(one[0]["loss"] - one[-1]["loss"], 3)
    yield row(
        "ranks: 2, then 1, then 2", [max(apart)], GOAL, most=True, holds=same and learned > 1, order=same, steps=STEPS,
        learned=learned,
    )  # fmt: skip


if __name__ == "__main__":
    place, number, last, profile = sys.argv[1:]
    learn(Path(place), int(number), int(last), Machine.model_validate_json(profile))
