"""A training that dies while it saves: before the data, before the manifest, before the rename.

The process sends itself SIGKILL there, at each of these moments in several checkpoints. What is then in the folder must
be whole, the newest the one before, and the training that goes on must end as one that was left alone (SHA-256).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from domain.manifest import Damaged, file_sha256, verify
from domain.settings.learning import Training
from tests.benchmarks.training.faults import MACHINE, Job, Victim
from tests.benchmarks.training.material import Given
from tests.benchmarks.training.text import BATCH, LEARNING, based, texts

MOMENTS = {
    "data": "domain.training.state.checkpoints.write",
    "manifest": "domain.training.state.storage.seal",
    "rename": "os.rename",
}
AT, STEPS = (3, 11, 20), 30  # the steps whose checkpoints are not to be


def die() -> None:
    """At once, with no word to anyone."""
    os.kill(os.getpid(), signal.SIGKILL)


def doomed(given: Job, out: Path, moment: str, step: int) -> None:
    """Train, a checkpoint after every step, and die at this moment of that of ``step``."""
    from domain.training.state import checkpoints, storage

    before = {"data": checkpoints.write, "manifest": storage.seal, "rename": os.rename}[moment]
    name = f".step-{step:09d}"

    def called(*args: Any, **more: Any) -> Any:
        if any(isinstance(each, Path) and each.name == name for each in args):
            die()
        return before(*args, **more)  # type: ignore[operator]

    with patch(MOMENTS[moment], called):
        given.run(out, 1e-9)


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """One row."""
    folder = given.folder("saving")
    based(folder, texts(given), "causal", MACHINE.replace(work=folder))
    job = Job(folder, Training.model_validate({**LEARNING, "tokens": STEPS * BATCH}))
    alone, often = folder / "alone", folder / "killed"
    for out in (alone, often):
        out.mkdir()
    Victim(job, alone, seconds=1e9).end()
    half, back = 0, True
    for step in AT:
        for moment in MOMENTS:
            process = multiprocessing.get_context("spawn").Process(target=doomed, args=(job, often, moment, step))
            process.start()
            process.join()
            held = sorted((often / ".scratch" / "checkpoints").glob("step-*"))
            half += sum(not whole(each) for each in held)
            back &= process.exitcode == -signal.SIGKILL and held[-1].name == f"step-{step - 1:09d}"
    Victim(job, often, seconds=1e-9).end()
    files = ("model.safetensors", "training.jsonl")
    equal = all(file_sha256(alone / name) == file_sha256(often / name) for name in files)
    yield {
        "stage": "saving: before data, manifest, rename", "kills": len(AT) * len(MOMENTS), "half": half,
        "previous": back, "equal": equal, "passed": equal and back and not half,
    }  # fmt: skip


def whole(folder: Path) -> bool:
    """Whether all its digests hold."""
    try:
        verify(folder)
    except Damaged:
        return False
    return True
