"""A training by the stopwatch: what of the peak it uses, what it waits for, and what a save costs it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from domain.cost.device import GPUS
from domain.machine import Machine
from domain.training.metrics_log import read_about, read_points, spool_path
from domain.training.trainer import READ_EVERY, Trainer
from tests.benchmarks.training.card import Scale, emptied, fitting, held, material_of
from tests.benchmarks.training.material import Given, Material, row
from tests.benchmarks.training.paced import loop

GOALS = {"1B": 0.45, "350M": 0.38, "waits": 0.01, "save": 0.01}
INTERVAL = 1_800.0  # seconds from one save to the next
PEAK = GPUS["H200"][0]
TELLINGS = 4  # of a run that is timed; the first holds the compiler's time and does not count


class Watched:
    """The loop on ``material``, with a stopwatch; ``seconds`` and ``tokens`` from one telling to the next."""

    def __init__(self, material: Material, out: Path, machine: Machine) -> None:
        self.loop: Trainer = loop(material, out, machine)
        self.spool, self.saves = spool_path(out), dict[int, list[float]]()
        self.seconds, self.tokens = list[float](), list[int]()

    def run(self, saves: tuple[int, ...] = ()) -> None:
        """To the end; after these steps the state is saved."""
        tell, step = self.loop.tell, self.loop.step
        self.last = time.perf_counter(), 0

        def timed() -> None:
            if self.loop.waiting:
                tell()
                now, tokens = time.perf_counter(), self.loop.progress.tokens
                self.seconds.append(now - self.last[0])
                self.tokens.append(tokens - self.last[1])
                self.last = now, tokens

        def saving(batch: Any, valid: int) -> None:
            step(batch, valid)
            if self.loop.progress.step in saves:
                timed()
                self.loop.checkpoints.finish()  # after 30 minutes the one before is long written
                began = time.perf_counter()
                self.last = began, self.last[1]
                self.loop.save(anchor=False, wait=False)
                stood = time.perf_counter() - began
                writing = self.loop.checkpoints.writing
                assert writing is not None
                self.saves[self.loop.progress.step] = marks = [stood]
                writing.add_done_callback(lambda _: marks.append(time.perf_counter() - began))

        self.loop.tell, self.loop.step = timed, saving  # type: ignore[method-assign]
        self.loop.run()

    @property
    def pace(self) -> list[float]:
        """Tokens a second of the tellings that count."""
        return [count / seconds for count, seconds in zip(self.tokens, self.seconds, strict=True)][1:TELLINGS]


def utilisation(given: Given, scale: Scale, size: str) -> list[dict[str, Any]]:
    """MFU of a size, and the share of the time that its batches were waited for; of the large one also saves."""
    shape = scale.large if size == "1B" else scale.small
    every = READ_EVERY[scale.device]
    timed = TELLINGS * every
    saves = (timed, timed + 4 * every) if size == "1B" else ()
    steps = timed + (8 * every if saves else 0)
    material = material_of(given, scale, f"gpu-{size}", shape, steps, scale.rows)
    state = 12.0 * material.parameters
    if saves and shutil.disk_usage(material.folder).free < 3 * state:
        saves = ()
    watched: Watched | None = None
    for machine in fitting(material, scale.machine(given), scale.rows):
        try:
            watched = Watched(material, material.folder / f"out-{machine.micro_batch}", machine)
            watched.run(saves)
            break
        except torch.cuda.OutOfMemoryError:
            watched = None
            emptied()
    if watched is None:
        return [{"stage": f"gpu: MFU at {size}", "error": "memory ran out with a row at a time", "passed": False}]
    points, about = read_points(watched.spool)[every:timed], read_about(watched.spool)
    used = [pace * about["flops_per_token"] / PEAK for pace in watched.pace]
    less = 12.0 * shape.layers * shape.width * (shape.context - material.seen())
    told: dict[str, Any] = {
        "parameters": material.parameters, "tokens_per_s": round(median(watched.pace)), "kernel": kernel(watched),
        "rows_together": machine.micro_batch // shape.context, "held_gb": held(), "of_tflops": PEAK / 1e12,
    }  # fmt: skip
    seen = median(pace * (about["flops_per_token"] - less) / PEAK for pace in watched.pace)
    own = [point["mfu"] for point in points if "mfu" in point]
    rows = [
        row(
            f"gpu: MFU at {size}", used, GOALS[size], **told, seen=round(seen, 3),
            points=round(median(own), 3) if own else None, holds=points[-1]["loss"] < points[0]["loss"],
        ),
        row(f"gpu: waits for data at {size}", [p["waited"] for p in points], GOALS["waits"], most=True),
    ]  # fmt: skip
    if saves:
        rows.append(stalls(watched, state))
    elif size == "1B":
        rows.append({"stage": "gpu: save", "needs": f"{3 * state / 1e9:.0f} GB of disk", "passed": None})
    return rows


def kernel(watched: Watched) -> str:
    """How the model computes attention."""
    return str(watched.loop.model.config._attn_implementation)


def stalls(watched: Watched, state: float) -> dict[str, Any]:
    """Of each save: what the loop stood still, and what its steps took longer than before until it was written."""
    pace, lost, marks = median(watched.pace), list[float](), list(watched.saves.values())
    after = list(zip(watched.tokens, watched.seconds, strict=True))[TELLINGS:]
    half = len(after) // 2
    for (stood, *_), steps in zip(marks, (after[:half], after[half:]), strict=True):
        # The telling right after a save holds the standing still too.
        lost.append(max(stood, sum(seconds - count / pace for count, seconds in steps)))
    return row(
        "gpu: save every 30 minutes", [each / INTERVAL for each in lost], GOALS["save"], most=True,
        stood_s=[round(stood, 2) for stood, *_ in marks], written_s=[round(each[-1], 1) for each in marks],
        lost_s=[round(each, 2) for each in lost], state_gb=round(state / 1e9, 1),
    )  # fmt: skip
