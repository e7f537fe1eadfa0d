"""A run told to MLflow: one parent for the journey, a child for each stage; tracking that fails never stops work."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

from domain.artifacts import Artifact, Release
from domain.machine import Machine
from domain.manifest import file_sha256
from domain.spec import Spec, fingerprint
from domain.stage import Stage
from domain.training.spool import read_points
from flows.recipe import Recipe

BATCH = 200  # points a call; MLflow takes 1,000 metrics, a point has 5
ALIAS = "latest"
P = ParamSpec("P")


class Tracker:
    """Tracks nothing: what a run without tracking uses, and the interface of those that do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The journey ends, well or not."""

    def started(self, label: str, request: str, made_by: Stage[Any], spec: Spec, parents: tuple[Artifact, ...]) -> None:
        """A stage begins to work."""

    def forward(self, request: str, spool: Path) -> None:
        """Tell the points that are new in the spool."""

    def finished(
        self, label: str, request: str, artifact: Artifact, parents: tuple[Artifact, ...], seconds: float | None
    ) -> None:
        """A stage's artifact is there, made in ``seconds`` or found (None)."""

    def register(self, name: str, release: Release) -> None:
        """Put the release into the registry, once, and point the alias at it."""


def tracker_for(machine: Machine, recipe: Recipe, as_of: date) -> Tracker:
    """MLflow at the profile's URI (SQLite in the work folder by default), or nothing."""
    if machine.tracking == "none":
        return Tracker()
    return MLflow(machine, recipe.name, fingerprint([recipe.model_dump(mode="json"), as_of.isoformat()]), as_of)


def quietly(call: Callable[Concatenate[MLflow, P], None]) -> Callable[Concatenate[MLflow, P], None]:
    """Tracking that fails says so once and is left alone: weeks of learning must not hang on a server."""

    @wraps(call)
    def guarded(self: MLflow, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.broken:
            return
        try:
            call(self, *args, **kwargs)
        except Exception as error:
            self.broken = True
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            print(f"tracking: {self.uri} failed ({reason}); the run goes on untracked", file=sys.stderr, flush=True)

    return guarded


class MLflow(Tracker):
    """Runs are found again by tags, so a re-run continues them: no run and no point is told twice."""

    def __init__(self, machine: Machine, name: str, journey: str, as_of: date) -> None:
        work = machine.work.resolve()
        self.uri = machine.tracking or f"sqlite:///{work / 'mlflow.db'}"
        self.store = (work / "mlartifacts").as_uri() if not machine.tracking else None
        self.name, self.journey, self.as_of = name, journey, as_of
        self.children: dict[str, str] = {}
        self.told: dict[str, int] = {}
        self.broken = False

    @quietly
    def open(self) -> None:
        """Connect, and find or create the journey's run."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        for noisy in ("mlflow", "alembic", "mlflow.store.db.utils"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        self.client = mlflow.MlflowClient(tracking_uri=self.uri)
        experiment = self.client.get_experiment_by_name(self.name)
        self.experiment = (
            experiment.experiment_id if experiment else self.client.create_experiment(self.name, self.store)
        )
        found = self.find(f"tags.`shoptalk.journey` = '{self.journey}'")
        tags = {"shoptalk.journey": self.journey, "shoptalk.as_of": self.as_of.isoformat()}
        self.run = found or self.create(f"{self.name} {self.as_of}", tags)
        self.client.update_run(self.run, status="RUNNING")

    def find(self, query: str) -> str | None:
        """The id of the one run that answers ``query``."""
        runs = self.client.search_runs([self.experiment], query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def create(self, name: str, tags: dict[str, str]) -> str:
        """A new run's id."""
        return str(self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("FINISHED" if kind is None else "FAILED")

    @quietly
    def close(self, status: str) -> None:
        """End the journey's run, and the child that was cut short."""
        if status == "FAILED":
            for run in self.children.values():
                if self.client.get_run(run).info.status == "RUNNING":
                    self.client.set_terminated(run, status)
        self.client.set_terminated(self.run, status)

    def child(self, label: str, request: str) -> str:
        """The run of a stage, found or created below the journey's."""
        if request not in self.children:
            query = f"tags.`shoptalk.request` = '{request}' and tags.`mlflow.parentRunId` = '{self.run}'"
            tags = {"shoptalk.request": request, "shoptalk.stage": label, "mlflow.parentRunId": self.run}
            self.children[request] = self.find(query) or self.create(label, tags)
        return self.children[request]

    @quietly
    def started(self, label: str, request: str, made_by: Stage[Any], spec: Spec, parents: tuple[Artifact, ...]) -> None:
        """Open the stage's run, with its spec as parameters; note the last point that is already told."""
        from mlflow.entities import Param

        run = self.child(label, request)
        self.client.update_run(run, status="RUNNING")
        known = self.client.get_run(run).data.params
        flat = {key: str(value) for key, value in flattened(spec.asked())}
        new = [Param(key[:250], value[:6000]) for key, value in flat.items() if key[:250] not in known][:100]
        self.client.log_batch(run, params=new)
        history = self.client.get_metric_history(run, "loss")
        self.told[request] = max((metric.step for metric in history), default=0)

    @quietly
    def forward(self, request: str, spool: Path) -> None:
        """Tell the spool's points beyond the last that is told, in batches."""
        from mlflow.entities import Metric

        if request not in self.children:
            return
        run, stamp = self.children[request], self.now()
        points = [point for point in read_points(spool) if point["step"] > self.told.get(request, 0)]
        for start in range(0, len(points), BATCH):
            chunk = points[start : start + BATCH]
            metrics = [
                Metric(key, float(value), stamp, point["step"])
                for point in chunk
                for key, value in point.items()
                if key != "step"
            ]
            self.client.log_batch(run, metrics=metrics)
            self.told[request] = chunk[-1]["step"]

    @quietly
    def finished(
        self, label: str, request: str, artifact: Artifact, parents: tuple[Artifact, ...], seconds: float | None
    ) -> None:
        """Close the stage's run with digest, facts and lineage, unless it was told before."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag

        run = self.child(label, request)
        if "shoptalk.digest" in self.client.get_run(run).data.tags:
            return
        numbers = [(key, float(value)) for key, value in flattened(artifact.facts) if isinstance(value, int | float)]
        if seconds is not None:
            numbers.append(("seconds", seconds))
        stamp = self.now()
        metrics = [Metric(safe(key), value, stamp, 0) for key, value in numbers][:900]
        tags = {"digest": artifact.digest, "identity": artifact.identity, "path": str(artifact.path.resolve())}
        self.client.log_batch(run, metrics=metrics, tags=[RunTag(f"shoptalk.{k}", v) for k, v in tags.items()])
        inputs = [
            DatasetInput(
                Dataset(type(p).__name__.lower(), p.digest[:36], "local", p.path.resolve().as_uri()),
                [InputTag("mlflow.data.context", p.manifest["stage"])],
            )
            for p in parents
        ]
        if inputs:
            self.client.log_inputs(run, datasets=inputs)
        for page in artifact.path.glob("*.html"):
            self.client.log_artifact(run, str(page))
        self.client.set_terminated(run)

    @quietly
    def register(self, name: str, release: Release) -> None:
        """A logged model of plain files, a version of the registered model ``name``, and the alias on it."""
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            versions = self.client.search_model_versions(f"name = '{name}'")
        except MlflowException:
            versions = []
        version = next((v.version for v in versions if v.tags.get("shoptalk.digest") == release.digest), None)
        if version is None:
            model = self.client.create_logged_model(
                self.experiment, name=name, source_run_id=self.run, tags={"shoptalk.digest": release.digest}
            )
            self.client.log_model_artifacts(model.model_id, str(release.path))
            self.client.finalize_logged_model(model.model_id, "READY")
            made = mlflow.register_model(
                f"models:/{model.model_id}", name, await_registration_for=0, tags={"shoptalk.digest": release.digest}
            )
            version = made.version
            card = release.path / "README.md"
            self.client.set_model_version_tag(name, version, "shoptalk.card", file_sha256(card))
        self.client.set_registered_model_alias(name, ALIAS, version)

    @staticmethod
    def now() -> int:
        """Milliseconds since 1970, as MLflow counts."""
        return int(time.time() * 1000)


def flattened(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists with dotted keys, None left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flattened(inner, f"{prefix}.{number}")
    elif value is not None:
        yield prefix, value


def safe(key: str) -> str:
    """A metric's name in the characters that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in key)[:250]
