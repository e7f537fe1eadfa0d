"""What is found, what is redone, and how far a run goes: on the artifacts of a finished run."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.machine import Machine
from domain.manifest import seal
from domain.stage import Store
from domain.verification import READ, state_of
from flows.recipe.recipe import load_recipe
from flows.run.runner import find_all

ONLY = ("--tracking", "none")


@pytest.fixture
def run(undisturbed: Path, finished: Path, command: Any, without_engine: None) -> Any:
    """The command on a copy of the finished work folder."""

    def call(*more: object) -> Any:
        recipe = undisturbed.parent / "contracts.yaml"
        return command.ask("run", recipe, "--as-of", command.day, "--work", finished, *command.machine, *ONLY, *more)

    return call


def folder(work: Path, stage: str) -> Path:
    folders = (work / "artifacts" / stage).iterdir()  # in no order; one that was set aside is named -was- or -damaged-
    return next(p for p in folders if (p / "manifest.json").exists() and "-" not in p.name)


def test_until_a_stage(run: Any, finished: Path, command: Any) -> None:
    shutil.rmtree(finished / "artifacts")
    answer = run("--until", "tokenizer")
    assert answer.code == 0
    assert command.whole(finished) == ["collect", "curate", "protect", "tokenizer"]
    assert run("--until", "tokenizer").out.startswith("Nothing to do: all 4 stages")


def test_a_run_returns_scores_decision_and_paths(
    undisturbed: Path, finished: Path, command: Any, without_engine: None
) -> None:
    from flows import run_recipe

    machine = Machine(work=finished, device="cpu", precision="fp32", threads=1, workers=1, tracking="none")
    recipe = str(undisturbed.parent / "contracts.yaml")
    result = run_recipe(recipe, as_of=command.day, machine=machine)
    scores = json.loads((folder(finished, "evaluate") / "scores.json").read_text())
    assert result.complete
    assert result.release == folder(finished, "release")
    assert result.scores["domain"].bits["adapted"] == pytest.approx(scores["domain"]["adapted"])
    assert result.paths["adapted"].parent == finished / "artifacts" / "pretrain"
    assert any(reason.startswith("Domain text: adapted against control") for reason in result.reasons)
    refused = run_recipe(recipe, ["release.gates.domain_gain=0.99"], command.day, machine)
    assert (refused.complete, refused.release) == (False, None)
    half = run_recipe(recipe, (), command.day, machine.replace(work=finished.parent / "half"), "tokenizer")
    assert (half.complete, half.release, dict(half.scores), half.reasons) == (True, None, {}, ())
    assert list(half.paths) == ["protect", "collect", "curate", "tokenizer"]


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
    (scores / "documents.jsonl").write_text("as other hardware would score")
    fields = {key: manifest[key] for key in ("stage", "version", "kind", "spec", "parents", "identity", "facts")}
    seal(scores, **fields)
    answer = run()
    assert answer.code == 0
    assert "decide: the previous artifact was made from older inputs and is now " in answer.out
    assert "decide: running" in answer.out
    assert "evaluate: cached" in answer.out
    decided = json.loads((folder(finished, "decide") / "manifest.json").read_bytes())
    assert decided["parents"]["scorecard"]["digest"] == json.loads((scores / "manifest.json").read_bytes())["digest"]


def flip_a_bit(path: Path) -> None:
    """One bit in the middle of a file, whose size and time of modification stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def verified(work: Path, stage: str) -> Path:
    """Where the store remembers in which state it read an artifact."""
    return work / "verified" / f"{stage}-{folder(work, stage).name}.json"


def test_finished_work_is_not_read_again(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run().code == 0
    READ.clear()  # as in a new process
    files: list[Path] = []
    monkeypatch.setattr("domain.manifest.file_sha256", lambda path: files.append(path) or "")
    answer = run()
    assert "Nothing to do" in answer.out
    assert files == []


def test_a_flipped_bit_is_noticed_though_size_and_time_are_the_same(
    run: Any, finished: Path, undisturbed: Path, command: Any
) -> None:
    assert run().code == 0
    READ.clear()
    flip_a_bit(max((folder(finished, "encode") / "train").iterdir(), key=lambda path: path.stat().st_size))
    answer = run()
    assert [line for line in answer.out.splitlines() if ": running" in line] == ["encode: running"]
    assert command.digests(finished) == command.digests(undisturbed)


def test_a_bit_that_rots_unnoticed_is_found_before_anything_is_made_from_it(
    run: Any, finished: Path, undisturbed: Path, command: Any
) -> None:
    assert run().code == 0
    flip_a_bit(max((folder(finished, "curate") / "train").iterdir(), key=lambda path: path.stat().st_size))
    # As if the file system had not noticed either: what is remembered is the state in which the file is now.
    verified(finished, "curate").write_text(json.dumps({"state": state_of(folder(finished, "curate"))}))
    READ.clear()
    assert "Nothing to do" in run().out
    shutil.rmtree(folder(finished, "encode"))
    READ.clear()
    answer = run()
    assert answer.code == 0, answer.err
    assert "train/domain-" in answer.err or "train/general-" in answer.err
    assert "it is rebuilt" in answer.err
    made = [line for line in answer.out.splitlines() if ": running" in line]
    assert made == ["encode: running", "curate: running", "encode: running"]
    assert command.digests(finished) == command.digests(undisturbed)


def test_looking_changes_nothing(finished: Path, undisturbed: Path) -> None:
    (folder(finished, "encode") / "stray.txt").write_text("damage")
    before = sorted((finished / "artifacts").rglob("*"))
    recipe, store = load_recipe(str(undisturbed.parent / "contracts.yaml")), Store(finished)
    artifacts, complete = find_all(recipe, date(2026, 1, 2), store, Machine(work=finished), "release")
    assert not complete
    assert [label for label, _ in artifacts] == ["protect", "collect", "curate", "tokenizer"]
    assert sorted((finished / "artifacts").rglob("*")) == before


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


@pytest.mark.parametrize("identity", ["f" * 64, "../../../../precious"])
def test_a_sealed_folder_of_another_request_is_not_taken(run: Any, finished: Path, identity: str) -> None:
    """Left, or planted, where the stage is about to be built."""
    decided = folder(finished, "decide")
    manifest = json.loads((decided / "manifest.json").read_bytes())
    building = finished / "building" / f"decide-{manifest['identity'][:16]}"
    shutil.copytree(decided, building)
    content = json.loads((building / "decision.json").read_bytes())
    (building / "decision.json").write_text(json.dumps({**content, "released": True, "reasons": ["planted"]}))
    fields = {key: manifest[key] for key in ("stage", "version", "kind", "spec", "parents", "facts")}
    (building / "manifest.json").unlink()
    seal(building, **fields, identity=identity)
    shutil.rmtree(decided)
    assert run().code == 0
    assert "planted" not in (folder(finished, "decide") / "decision.json").read_text()
    assert not list(finished.parent.rglob("precious*"))


@pytest.mark.parametrize("name", ["artifacts/decide", "building", "runs", "reports"])
def test_a_file_in_the_place_of_a_folder_is_one_line(run: Any, finished: Path, command: Any, name: str) -> None:
    shutil.rmtree(finished / name, ignore_errors=True)
    shutil.rmtree(finished / "artifacts" / "decide", ignore_errors=True)
    (finished / name).write_text("")
    command.refused(run(), str(finished / name))
