"""Against a real MLflow store: one parent, a child for each stage, nothing told twice, nothing stopped by a failure."""

from __future__ import annotations

import json
import shutil
import socket
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Decision, Raw, Release, Scorecard
from domain.machine import Machine
from domain.manifest import seal
from domain.spec import Spec
from domain.stage import stage
from domain.training.metrics_log import about_path
from flows.tracking.mlflow_tracker import ALIAS, MLflow


class Number(Spec):
    value: int = 1


@stage("count", makes=Raw, version=1)
def count(spec: Number, *, out: Path, machine: Machine, **parents: Any) -> dict[str, Any]:
    (out / "number.txt").write_text(str(spec.value))
    return {"value": spec.value, "nested": {"share": 0.5}}


@stage("decide", makes=Decision, version=1)
def settle(spec: Number, *, out: Path, machine: Machine) -> dict[str, Any]:
    (out / "decision.json").write_text("{}")
    return {"released": spec.value > 1, "reasons": ["Domain text: holds."]}


@stage("evaluate", makes=Scorecard, version=1)
def score(spec: Number, *, out: Path, machine: Machine) -> dict[str, Any]:
    (out / "scores.json").write_text("{}")
    return {"domain": {"adapted": 2.25, "interval": [-0.1, -0.05]}}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's database without a run: MLflow takes a second to make its tables."""
    import mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def store(tables: Path, tmp_path: Path) -> None:
    """The test's folder is a work folder that holds such a store."""
    shutil.copy(tables, tmp_path)


def tracker(work: Path) -> MLflow:
    return MLflow(Machine(work=work), "contracts", "journey-1", date(2026, 1, 2))


def spool(path: Path, steps: int) -> Path:
    path.write_text(
        "".join(json.dumps({"step": s, "loss": 1 / s, "tokens": 10 * s}) + "\n" for s in range(1, steps + 1))
    )
    return path


def test_a_journey_told_twice_is_told_once(tmp_path: Path) -> None:
    raw = count(Number(), out=tmp_path / "raw")
    made = count(Number(value=2), raw=raw, out=tmp_path / "made")
    request = count.request(Number(value=2), {"raw": raw})
    for steps in (3, 5, 5):  # a run that was cut short after 3 steps, then one that ends, then one that finds
        with tracker(tmp_path) as told:
            told.started("base", request, count, Number(value=2), {"raw": raw})
            told.forward(request, spool(tmp_path / "spool.jsonl", steps))
            if steps == 5:
                told.finished("base", request, made, {"raw": raw}, 1.5)
        assert not told.broken
    client = told.client
    runs = client.search_runs([told.experiment])
    assert len(runs) == 2
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    child = next(run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id)
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    losses = client.get_metric_history(child.info.run_id, "loss")
    assert [(m.step, m.value) for m in sorted(losses, key=lambda m: m.step)] == [(s, 1 / s) for s in range(1, 6)]
    assert set(child.data.metrics) == {"loss", "tokens"}  # no constants among the curves
    facts = client.download_artifacts(child.info.run_id, "facts.json", str(tmp_path))
    assert json.loads(Path(facts).read_text()) == {"value": 2, "nested": {"share": 0.5}}
    assert child.data.params["value"] == "2"
    assert [(d.dataset.name, d.dataset.digest) for d in child.inputs.dataset_inputs] == [("raw", raw.digest[:36])]


def test_the_pages_of_a_run_are_on_its_own_run_in_their_newest_form(tmp_path: Path) -> None:
    page = tmp_path / "scorecard.html"
    (tmp_path / "download").mkdir()
    with tracker(tmp_path) as tracking:
        for text in ("Not decided yet", "Released"):
            page.write_text(text)
            tracking.pages([page])
    assert not tracking.broken
    logged = tracking.client.download_artifacts(tracking.run, "scorecard.html", str(tmp_path / "download"))
    assert Path(logged).read_text() == "Released"


def test_points_with_all_that_a_step_may_tell(tmp_path: Path) -> None:
    """More than one call holds: 200 points of 13 metrics, and what they are reckoned by, once."""
    names = ["loss", *(f"m{number}" for number in range(12))]
    points = tmp_path / "x.spool.jsonl"
    for last, formula in ((120, "6 N"), (200, "another")):
        lines = ({"step": step, **dict.fromkeys(names, step + 0.5)} for step in range(1, last + 1))
        points.write_text("".join(json.dumps(line) + "\n" for line in lines))
        about_path(points).write_text(json.dumps({"flops_formula": formula, "flops_per_token": 7.5}))
        with tracker(tmp_path) as told:
            told.started("base", "request", count, Number(), {})
            told.forward("request", points)
            told.forward("request", points)
        assert not told.broken
    run = told.client.get_run(told.children["request"])
    assert run.data.params | {"value": "1"} == {
        "value": "1", "measured.flops_formula": "6 N", "measured.flops_per_token": "7.5",
    }  # fmt: skip
    for name in (names[0], names[-1]):
        history = told.client.get_metric_history(run.info.run_id, name)
        assert sorted(metric.step for metric in history) == list(range(1, 201))


def test_scores_stand_on_the_journeys_own_run_once(tmp_path: Path) -> None:
    scores = score(Number(), out=tmp_path / "scores")
    for seconds in (2.0, None):
        with tracker(tmp_path) as told:
            told.finished("evaluate", "request", scores, {}, seconds)
        assert not told.broken
    journey = told.client.get_run(told.run)
    assert journey.data.metrics == {"domain.adapted": 2.25}
    assert len(told.client.get_metric_history(told.run, "domain.adapted")) == 1


def test_a_failed_journey_says_so_and_goes_on_in_the_same_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), tracker(tmp_path) as told:
        raise ValueError("broken")
    assert told.client.get_run(told.run).info.status == "FAILED"
    with tracker(tmp_path) as again:
        pass
    assert again.run == told.run
    assert told.client.get_run(told.run).info.status == "FINISHED"


def test_journeys_are_told_apart_by_outcome_settings_and_description(tmp_path: Path) -> None:
    settings = {"base": {"weights": "org/base"}, "training": {"tokens": 512, "a name": None}}
    decisions = (settle(Number(value=2), out=tmp_path / "yes"), settle(Number(), out=tmp_path / "no"))
    runs = {}
    for number, decision in enumerate(decisions):
        with MLflow(Machine(work=tmp_path), "contracts", f"journey-{number}", date(2026, 1, 2), settings) as told:
            told.finished("decide", f"request-{number}", decision, {}, 1.0)
        assert not told.broken
        runs[told.client.get_run(told.run).info.run_name] = told.client.get_run(told.run).data
    assert runs.keys() == {"contracts 2026-01-02: released", "contracts 2026-01-02: not released"}
    for name, run in runs.items():
        assert run.params == {"base.weights": "org/base", "training.tokens": "512"}
        assert run.tags["shoptalk.outcome"] == name.partition(": ")[2]
        for words in ("org/base, adapted to contracts", run.tags["shoptalk.outcome"], "Domain text: holds."):
            assert words in run.tags["mlflow.note.content"]
    experiment = told.client.get_experiment(told.experiment)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_cached_stage_stands_below_the_journey_that_made_it_alone(tmp_path: Path) -> None:
    raw = count(Number(), out=tmp_path / "raw")
    for journey, seconds in (("first", 1.0), ("second", None)):
        with MLflow(Machine(work=tmp_path), "contracts", journey, date(2026, 1, 2)) as told:
            told.finished("collect", "request", raw, {}, seconds)
        assert not told.broken
        inputs = told.client.get_run(told.run).inputs.dataset_inputs
        assert [(each.dataset.name, each.dataset.digest) for each in inputs] == [("raw", raw.digest[:36])]
    runs = told.client.search_runs([told.experiment])
    (child,) = (run for run in runs if "mlflow.parentRunId" in run.data.tags)
    assert child.data.params == {"value": "1"}  # from the manifest, since it was not seen to start
    assert len(runs) == 3


def test_a_server_that_fails_midway_is_told_the_rest_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    raw = count(Number(), out=tmp_path / "raw")
    spool(raw.path / "training.jsonl", 5)
    with tracker(tmp_path) as told:
        told.started("base", "request", count, Number(), {})
        told.forward("request", spool(tmp_path / "spool.jsonl", 3))
        with monkeypatch.context() as away:
            away.setattr(told.client, "log_batch", refuse)
            told.forward("request", spool(tmp_path / "spool.jsonl", 4))
        told.forward("request", spool(tmp_path / "spool.jsonl", 5))
        told.finished("base", "request", raw, {}, 1.0)
    assert told.broken
    assert caplog.text.count("the run goes on untracked") == 1
    with tracker(tmp_path) as again:  # the stage is found now, and its spool is gone
        again.finished("base", "request", raw, {}, None)
    assert not again.broken
    history = again.client.get_metric_history(again.children["request"], "loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(step, 1 / step) for step in range(1, 6)]
    assert {run.info.status for run in again.client.search_runs([again.experiment])} == {"FINISHED"}


def test_a_release_is_registered_once_under_its_alias(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "README.md").write_text("# A card\n")
    (folder / "model.safetensors").write_bytes(b"weights")
    seal(folder, kind="Release", stage="release", identity="r", facts={}, spec=None, parents={}, version=1)
    release = Release.open(folder)
    for _ in range(2):
        with tracker(tmp_path) as told:
            told.register("contracts", release)
        assert not told.broken
    assert len(told.client.search_model_versions("name = 'contracts'")) == 1
    version = told.client.get_model_version_by_alias("contracts", ALIAS)
    assert version.tags["shoptalk.digest"] == release.digest
    assert "adapted to contracts" in version.description
    assert "contracts" in told.client.get_registered_model("contracts").description
    assert len(told.client.get_run(told.run).outputs.model_outputs) == 1


def test_an_older_release_found_again_does_not_take_the_alias_back(tmp_path: Path) -> None:
    releases = []
    for week in ("first", "second"):
        folder = tmp_path / week
        folder.mkdir()
        (folder / "README.md").write_text(f"# The card of the {week} week\n")
        seal(folder, kind="Release", stage="release", identity=week, facts={}, spec=None, parents={}, version=1)
        releases.append(Release.open(folder))
    for release in (*releases, releases[0]):
        with tracker(tmp_path) as told:
            told.register("contracts", release)
        assert not told.broken
    version = told.client.get_model_version_by_alias("contracts", ALIAS)
    assert version.tags["shoptalk.digest"] == releases[1].digest


def test_a_server_that_is_gone_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machine = Machine(work=tmp_path, tracking=f"http://127.0.0.1:{port}")
    raw = count(Number(), out=tmp_path / "raw")
    began = time.monotonic()
    with MLflow(machine, "contracts", "journey", date(2026, 1, 2)) as told:
        told.started("count", "r", count, Number(), {})
        told.forward("r", spool(tmp_path / "spool.jsonl", 2))
        told.finished("count", "r", raw, {}, 1.0)
    assert told.broken
    assert time.monotonic() - began < 30
    assert caplog.text.count("the run goes on untracked") == 1
