"""What is found, what is redone, and how far a run goes: on the artifacts of a finished run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.manifest import seal

ONLY = ("--tracking", "none")


@pytest.fixture
def run(undisturbed: Path, finished: Path, command: Any, without_engine: None) -> Any:
    """The command on a copy of the finished work folder."""

    def call(*more: object) -> Any:
        recipe = undisturbed.parent / "contracts.yaml"
        return command.ask("run", recipe, "--as-of", command.day, "--work", finished, *command.machine, *ONLY, *more)

    return call


def folder(work: Path, stage: str) -> Path:
    held = (work / "artifacts" / stage).iterdir()  # in no order; one that was set aside is named -was-
    return next(p for p in held if (p / "manifest.json").exists() and "-was-" not in p.name)


def test_until_a_stage(run: Any, finished: Path, command: Any) -> None:
    shutil.rmtree(finished / "artifacts")
    answer = run("--until", "tokenizer")
    assert answer.code == 0
    assert command.whole(finished) == ["collect", "curate", "protect", "tokenizer"]
    assert run("--until", "tokenizer").out.startswith("Nothing to do: all 4 stages")


def test_gates_that_do_not_hold_end_with_3(run: Any) -> None:
    answer = run("--set", "release.gates.domain_gain=0.99")
    assert answer.code == 3
    assert "not released" in answer.out
    assert "evaluate: cached" in answer.out


def test_a_model_of_another_precision_is_kept_and_named(
    undisturbed: Path, finished: Path, command: Any, without_engine: None
) -> None:
    recipe = undisturbed.parent / "contracts.yaml"
    machine = ("--device", "cpu", "--precision", "bf16", "--threads", "1", "--workers", "1")
    answer = command.ask("run", recipe, "--as-of", command.day, "--work", finished, *machine, *ONLY)
    assert answer.code == 0
    assert "Nothing to do" in answer.out
    named = [line.split(":")[0] for line in answer.out.splitlines() if "fp32 (this machine profile says bf16)" in line]
    assert named == ["base", "adapted", "control", "evaluate"]
    release = folder(finished, "release")
    made = json.loads((release / "lineage.json").read_bytes())["artifacts"]
    assert {name for name, each in made.items() if "numerics" in each} == {"base", "adapted"}
    assert "- Computed with cpu, fp32, one process with 1 CPU threads" in (release / "README.md").read_text()


@pytest.mark.parametrize("stage", ["collect", "curate", "encode"])
def test_one_flipped_bit_is_redone_and_the_rest_follows(
    run: Any, finished: Path, undisturbed: Path, command: Any, stage: str
) -> None:
    path = max((p for p in folder(finished, stage).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    answer = run()
    assert answer.code == 0
    assert [line for line in answer.out.splitlines() if ": running" in line] == [f"{stage}: running"]
    assert command.digests(finished) == command.digests(undisturbed)


def test_what_was_made_from_something_else_is_set_aside(run: Any, finished: Path) -> None:
    scores = folder(finished, "evaluate")
    manifest = json.loads((scores / "manifest.json").read_bytes())
    (scores / "report.html").write_text("as other hardware would score")
    fields = {key: manifest[key] for key in ("stage", "version", "kind", "spec", "parents", "identity", "facts")}
    seal(scores, **fields)
    answer = run()
    assert answer.code == 0
    assert "decide: was made from something that has changed since" in answer.out
    assert "decide: running" in answer.out
    assert "evaluate: cached" in answer.out
    decided = json.loads((folder(finished, "decide") / "manifest.json").read_bytes())
    assert decided["parents"]["scorecard"]["digest"] == json.loads((scores / "manifest.json").read_bytes())["digest"]


def test_torn_files_of_a_killed_try_are_not_sealed(finished: Path) -> None:
    from flows.run.runner import clear

    out = finished / "out"
    (out / ".scratch").mkdir(parents=True)
    (out / ".scratch" / "state").write_text("kept")
    (out / ".manifest.json.1234").write_text("{")
    (out / "test").mkdir()
    clear(out)
    assert [path.name for path in out.iterdir()] == [".scratch"]


def test_hardware_is_no_identity(run: Any) -> None:
    assert "Nothing to do" in run("--workers", "2", "--threads", "2", "--micro-batch", "64", "--precision", "bf16").out
