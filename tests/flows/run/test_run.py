"""The whole way by the real command, interrupted and killed on the way; then what a second run does."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.flows.run.kills import INTERRUPTED, end_by, killed_after, left_running, mark_of


class Continued(NamedTuple):
    """A run that was interrupted in its training, then killed, then left alone."""

    work: Path
    interrupted: tuple[int, str]
    left: list[int]
    whole: list[str]
    marks: list[str]
    code: int
    out: str
    errors: str


@pytest.fixture(scope="module")
def killed(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory, command: Any) -> Continued:
    """The small recipe run by the command; the soak kills it after every stage."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "contracts.yaml").write_bytes((undisturbed.parent / "contracts.yaml").read_bytes())
    work = folder / "work"
    (folder / "machine.yaml").write_text("checkpoint_seconds: 0.01\n")
    run = ("run", "contracts.yaml", "--as-of", command.day, "--machine", "machine.yaml", *command.machine)

    def begin() -> Any:
        return command.begin(*run, folder=folder)

    saved = "building/base-*/.scratch/checkpoints/step-*"
    interrupted = end_by(begin(), signal.SIGINT, lambda: list(work.glob(saved)))
    left, whole = left_running(mark_of(work)), command.whole(work)
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"killed at a random moment by seed {seed}")
    marks = killed_after(begin, work, [random.Random(seed).randrange(5, 10)], seed)
    assert marks
    last = begin()
    out, errors = last.communicate(timeout=300)
    return Continued(work, interrupted, left, whole, marks, last.returncode, out, errors)


def test_interrupted_in_training_it_ends_with_130_and_leaves_nothing_running(killed: Continued) -> None:
    code, errors = killed.interrupted
    assert (code, errors.endswith(INTERRUPTED), "Traceback" in errors) == (130, True, False), errors
    assert killed.left == []
    assert "curate" in killed.whole
    assert "base" not in killed.whole


def test_a_killed_run_ends_as_an_undisturbed_one(killed: Continued, undisturbed: Path, command: Any) -> None:
    assert "Traceback" not in killed.errors
    assert killed.code == 0, killed.errors
    assert command.digests(killed.work) == command.digests(undisturbed)
    assert len(command.whole(killed.work)) == 11


def test_nothing_is_left_running(killed: Continued) -> None:
    assert left_running(*killed.marks, mark_of(killed.work)) == []


def test_the_table(killed: Continued) -> None:
    out = killed.out
    for word in (
        "starting Prefect's server",
        "protect: cached",
        "curate: cached",
        "bits per UTF-8 byte",
        "released",
        "shoptalk generate",
    ):
        assert word in out


def test_show_json_has_the_keys_that_are_promised(killed: Continued, command: Any) -> None:
    work = killed.work
    answer = command.ask("show", work.parent / "contracts.yaml", "--json", "--work", work)
    shown = json.loads(answer.out)
    assert Path(shown["release"], "model.safetensors").is_file()
    assert shown["corpus"].keys() == {"documents_in", "documents_out", "bytes_in", "bytes_out", "dropped", "losses"}
    assert shown["tokenizer"].keys() >= {"size", "bytes_per_token"}
    assert shown["tokenizer"]["bytes_per_token"].keys() == {"domain", "general"}
    for part in ("domain", "general"):
        scores = shown["scores"][part]
        arms = {"base", "adapted", "control"}
        assert scores.keys() >= arms | {"change", "interval", "change_from_control", "interval_from_control", "overlap"}
        assert scores["interval"][0] <= scores["change"] <= scores["interval"][1]
        assert scores["change"] == pytest.approx(scores["adapted"] / scores["base"] - 1, abs=1e-3)
    assert shown["decision"]["released"] is True
    assert shown["decision"]["reasons"]


def test_the_run_was_told_to_mlflow_once(killed: Continued) -> None:
    import mlflow

    work = killed.work
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{work.resolve() / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("contracts")
    runs = client.search_runs([experiment.experiment_id])
    stages = [run.data.tags.get("shoptalk.stage", "journey") for run in runs]
    made = [
        "protect",
        "collect",
        "curate",
        "tokenizer",
        "encode",
        "describe",
        "base",
        "adapted",
        "control",
        "evaluate",
        "decide",
        "release",
    ]
    assert sorted(stages) == sorted(["journey", *made])
    assert {run.info.status for run in runs} == {"FINISHED"}
    base = next(run for run in runs if run.data.tags.get("shoptalk.stage") == "base")
    steps = sorted(metric.step for metric in client.get_metric_history(base.info.run_id, "loss"))
    assert steps == list(range(1, 17))
    assert int(client.get_model_version_by_alias("contracts", "champion").version) == 1


def test_a_second_run_does_nothing(killed: Continued, command: Any) -> None:
    work = killed.work
    before = {path: path.stat().st_mtime_ns for path in (work / "artifacts").rglob("*")}
    run = ("run", work.parent / "contracts.yaml", "--as-of", command.day, "--work", work, *command.machine)
    answer = command.ask(*run)
    assert answer.code == 0
    assert "Nothing to do: all 12 stages" in answer.out
    assert {path: path.stat().st_mtime_ns for path in (work / "artifacts").rglob("*")} == before


def test_a_release_speaks(killed: Continued, command: Any) -> None:
    work = killed.work
    answer = command.ask("generate", work.parent / "contracts.yaml", "tenant", "--max-tokens", 3, "--work", work)
    assert answer.code == 0
    assert answer.out.startswith("tenant")


@pytest.mark.parametrize("name", ["a?b", "a%41b"])
@pytest.mark.usefixtures("without_engine")
def test_a_work_folder_that_mlflow_cannot_name(make_recipe: Any, command: Any, tmp_path: Path, name: str) -> None:
    rest = ("--until", "protect", "--work", tmp_path / name)
    command.refused(command.ask("run", make_recipe(), *rest), "? or %")
    assert command.ask("run", make_recipe(), *rest, "--tracking", "none").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "contracts.yaml"]
