"""Instruction tuning killed in the middle by the real command ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from domain.artifacts import Checkpoint
from domain.machine import Machine
from domain.training.tune import tune
from flows.recipe.recipe import load_recipe
from tests.flows.run.kills import wait_until
from tests.flows.test_tuning import TUNING


def test_killed_in_tuning_it_ends_with_the_same_bits(
    make_recipe: Any, finished: Path, command: Any, tmp_path: Path
) -> None:
    recipe = make_recipe(instruction_tuning={**TUNING, "epochs": 20})
    examples = [json.dumps({"instruction": f"Name clause {n}.", "label": ["lien", "deed"][n % 2]}) for n in range(100)]
    recipe.with_name("orders.jsonl").write_text("\n".join(examples))
    profile = tmp_path / "often.yaml"
    profile.write_text("checkpoint_seconds: 0.1\n")
    place = ("--machine", profile, "--work", finished, "--tracking", "none", *command.machine)
    run = ("run", recipe, "--as-of", command.day, "--until", "tune", *place)
    process = command.begin(*run, folder=tmp_path)
    checkpoints = "building/tune-*/.scratch/checkpoints/step-*/manifest.json"
    assert wait_until(process, lambda: [*finished.glob(checkpoints)]), process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (finished / "artifacts" / "tune").exists()

    again = command.begin(*run, folder=tmp_path)
    out, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert "tune: done in" in command.plain(out)
    assert "tune: " in errors
    assert "tune:   0%" not in errors  # it went on
    (folder,) = (finished / "artifacts" / "tune").iterdir()
    resumed = Checkpoint.open(folder)
    arms = [Checkpoint.open(path) for path in (finished / "artifacts" / "pretrain").iterdir()]
    digests = {parent["digest"] for parent in resumed.manifest["parents"].values()}
    (adapted,) = (arm for arm in arms if arm.digest in digests)
    spec = load_recipe(str(recipe)).instruction_tuning
    assert spec is not None
    machine = Machine(device="cpu", precision="fp32", threads=1)
    assert tune(spec, adapted=adapted, out=tmp_path / "whole", machine=machine).digest == resumed.digest
