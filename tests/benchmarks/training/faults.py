"""A training that is killed again and again ends as one that is left alone: the same weights, the same losses.

SIGKILL comes at random moments: a third of them while a checkpoint is being written, a third while the training finds
its way back; checkpoints follow each other without a pause. ``in_save`` counts the kills that left a half-written
checkpoint, ``lost`` is the most steps that one of them cost. The goal: weights (SHA-256) and loss series are equal.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.artifacts import Checkpoint, Tokens
from domain.machine import Machine
from domain.manifest import file_sha256
from domain.settings.learning import Training
from tests.benchmarks.training.material import Given
from tests.benchmarks.training.text import BATCH, LEARNING, based, texts

KILLS = {"causal": 20, "masked": 5, "span": 5, "denoising": 5}
STEPS = 240  # of 1,024 tokens: some 40 ms each, and as much for a checkpoint
# Seconds: up to so long after a step or the first file of a checkpoint, and after the start, the kill comes.
MOMENT, START = 0.06, 1.5
MACHINE = Machine(device="cpu", precision="fp32", threads=1)
READY = ["domain.training.trainer", "domain.training.pretrain", "domain.model.build", "transformers"]


@dataclass(frozen=True)
class Job:
    """A training from artifacts in ``folder``, by the stage itself."""

    folder: Path
    spec: Training

    def run(self, out: Path, seconds: float) -> None:
        """Train into ``out``; a checkpoint every so many seconds."""
        from domain.training.pretrain import pretrain

        os.dup2(os.open(out.with_suffix(".log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY), 2)
        base, tokens = Checkpoint.open(self.folder / "base"), Tokens.open(self.folder / "tokens")
        pretrain(
            self.spec,
            base=base,
            tokens=tokens,
            out=out,
            machine=MACHINE.replace(work=self.folder, checkpoint_seconds=seconds),
        )


class Victim:
    """A process that trains into ``out``, as far as the one before it came."""

    def __init__(self, given: Job, out: Path, seconds: float) -> None:
        ready = multiprocessing.get_context("forkserver")
        ready.set_forkserver_preload(READY)  # imports take most of a short life
        self.out = out
        self.process = ready.Process(target=given.run, args=(out, seconds), daemon=True)
        self.process.start()

    def steps(self) -> int:
        """Steps that it has told of."""
        spool = self.out.with_name(f"{self.out.name}.spool.jsonl")
        return spool.read_bytes().count(b"\n") if spool.exists() else 0

    def saving(self) -> bool:
        """Whether a checkpoint is being written, or was when it died."""
        return any((self.out / ".scratch" / "checkpoints").glob(".step-*"))

    def saved(self) -> int:
        """The newest step that it could go on from."""
        names = [each.name for each in (self.out / ".scratch" / "checkpoints").glob("step-*")]
        return int(max(names, default="step-0").removeprefix("step-"))

    def end(self) -> None:
        """Wait until it is done; if it failed, say of what, and leave."""
        self.process.join()
        if self.process.exitcode != 0:
            sys.exit(self.out.with_suffix(".log").read_text(encoding="utf-8")[-3_000:])

    def kill(self, step: int, in_save: bool, moment: float) -> None:
        """Kill it so many seconds after this step, or after it began to write the next checkpoint."""
        while self.process.is_alive() and (self.steps() < step or (in_save and not self.saving())):
            time.sleep(0.001)
        time.sleep(moment)
        if not self.process.is_alive():
            self.end()
            sys.exit(f"it was done after {self.steps()} steps, before it could be killed at {step}")
        self.process.kill()
        self.process.join()


def killed(given: Job, kills: int, seed: int) -> dict[str, Any]:
    """The row of one objective."""
    began, chance = time.perf_counter(), random.Random(seed)
    alone, often = given.folder / "alone", given.folder / "killed"
    for out in (alone, often):
        out.mkdir()
    Victim(given, alone, seconds=1e9).end()
    in_save, lost = 0, 0
    for number, step in enumerate(sorted(chance.sample(range(2, STEPS - 20), kills))):
        victim = Victim(given, often, seconds=1e-9)
        if number % 3 == 2:
            victim.kill(0, in_save=False, moment=chance.uniform(0, START))
        else:
            victim.kill(step, in_save=number % 3 == 0, moment=chance.uniform(0, MOMENT))
        in_save += number % 3 < 2 and victim.saving()
        lost = max(lost, victim.steps() - victim.saved())
    Victim(given, often, seconds=1e-9).end()
    files = ("model.safetensors", "training.jsonl")
    equal = all(file_sha256(alone / name) == file_sha256(often / name) for name in files)
    return {
        "stage": f"faults: {given.spec.objective.kind}",
        "kills": kills,
        "in_save": in_save,
        "lost": lost,
        "steps": STEPS,
        "equal": equal,
        "sha256": file_sha256(often / "model.safetensors")[:16],
        "seconds": round(time.perf_counter() - began, 1),
        "passed": equal,
    }


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """A row an objective."""
    for objective, kills in KILLS.items():
        folder = given.folder(f"faults-{objective}")
        based(folder, texts(given), objective, MACHINE.replace(work=folder))
        spec = {**LEARNING, "objective": objective, "tokens": STEPS * BATCH, "spikes": {"anchor": 30}}
        yield killed(Job(folder, Training.model_validate(spec)), kills, given.seed)
