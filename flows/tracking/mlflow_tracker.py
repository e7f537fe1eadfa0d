"""A run as MLflow shows it: a parent for the journey, a child for each stage, data lineage, the registered release."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, suppress
from datetime import date
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from domain.artifacts import Artifact, Release, Scorecard
from domain.machine import Machine
from domain.manifest import MANIFEST, file_sha256
from domain.spec import Spec, fingerprint
from domain.stage import Stage
from domain.training.metrics_log import read_about, read_points
from flows.tracking.tracker import Tracker, flattened, quietly

BATCH = 75  # points a call; MLflow takes 1,000 metrics, a point has at most 13
ALIAS = "champion"  # MLflow's documented name for the version to use; it reserves "latest"
CUT_SHORT = "attributes.status = 'RUNNING' and tags.`shoptalk.work` = '{}'"


class MLflow(Tracker):
    """Runs are found again by tags, so a re-run continues them: no run and no point is told twice."""

    def __init__(self, machine: Machine, name: str, journey: str, as_of: date) -> None:
        self.work = machine.work.resolve()
        self.uri = machine.tracking or f"sqlite:///{self.work / 'mlflow.db'}"
        self.store = (self.work / "mlartifacts").as_uri() if not machine.tracking else None
        self.name, self.journey, self.as_of = name, journey, as_of
        self.children: dict[str, str] = {}
        self.told: dict[str, int] = {}
        self.reckoned: set[str] = set()
        self.broken = False

    def prepare(self) -> None:
        """MLflow takes a second to import, and more from a slow disk; what fails here is told by ``open``."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        for noisy in ("mlflow", "alembic", "mlflow.store.db.utils", "mlflow.tracking._model_registry.client"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)  # a failure is told once, by ``quietly``
        with suppress(Exception):
            import mlflow  # noqa: F401

    @quietly
    def open(self) -> None:
        """Connect, end in the record what a killed run of this work folder left open, and begin or go on."""
        self.prepare()
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        self.client = mlflow.MlflowClient(tracking_uri=self.uri)
        experiment = self.client.get_experiment_by_name(self.name)
        self.experiment = (
            experiment.experiment_id if experiment else self.client.create_experiment(self.name, self.store)
        )
        for left in self.client.search_runs([self.experiment], CUT_SHORT.format(fingerprint(str(self.work)))):
            self.client.set_terminated(left.info.run_id, "KILLED")
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
        tags = {**tags, "shoptalk.work": fingerprint(str(self.work))}
        return str(self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = "FAILED" if isinstance(error, Exception) else "KILLED"
        self.close("FINISHED" if kind is None else stopped)

    @quietly
    def close(self, status: str) -> None:
        """End the journey's run, and the child that was cut short."""
        if status != "FINISHED":
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
    def started(
        self, label: str, request: str, made_by: Stage[Any], spec: Spec, parents: Mapping[str, Artifact]
    ) -> None:
        """Open the stage's run, with its spec as parameters; note the last point that is already told."""
        from mlflow.entities import Param

        run = self.child(label, request)
        self.client.update_run(run, status="RUNNING")
        known = self.client.get_run(run).data.params
        flat = {safe(key): str(value)[:6000] for key, value in flattened(spec.asked())}
        self.client.log_batch(run, params=[Param(k, v) for k, v in flat.items() if k not in known][:100])
        history = self.client.get_metric_history(run, "loss")
        self.told[request] = max((metric.step for metric in history), default=0)

    @quietly
    def forward(self, request: str, spool: Path) -> None:
        """Tell the spool's points beyond the last that is told, in batches; with the first, how MFU is reckoned."""
        from mlflow.entities import Metric, Param

        if request not in self.children:
            return
        run, stamp = self.children[request], int(time.time() * 1000)
        points = [point for point in read_points(spool) if point["step"] > self.told.get(request, 0)]
        if points and request not in self.reckoned and (about := read_about(spool)):
            known = self.client.get_run(run).data.params  # parameters never change: the first machine's stay
            facts = {f"measured.{key}": str(value) for key, value in about.items()}
            self.client.log_batch(run, params=[Param(k, v) for k, v in facts.items() if k not in known])
            self.reckoned.add(request)
        for start in range(0, len(points), BATCH):
            chunk = points[start : start + BATCH]
            told = [(k, v, point["step"]) for point in chunk for k, v in point.items() if k != "step"]
            self.client.log_batch(run, metrics=[Metric(k, float(v), stamp, step) for k, v, step in told])
            self.told[request] = chunk[-1]["step"]

    @quietly
    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """Close the stage's run with digest, facts and lineage, unless it was told of this digest before."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag

        run = self.child(label, request)
        before = self.client.get_run(run)
        if before.data.tags.get("shoptalk.digest") != artifact.digest:
            inputs = [
                DatasetInput(
                    Dataset(type(p).__name__.lower(), p.digest[:36], "local", p.path.resolve().as_uri()),
                    [InputTag("mlflow.data.context", p.manifest["stage"])],
                )
                for p in parents.values()
            ]
            if inputs:
                self.client.log_inputs(run, datasets=inputs)
            for page in artifact.path.glob("*.html"):
                self.client.log_artifact(run, str(page))
            # Apart from the points: a fact called loss is no step of the curve called loss.
            facts = flattened(artifact.facts, "facts")
            numbers = {safe(key): float(value) for key, value in facts if isinstance(value, int | float)}
            if seconds is not None:
                numbers["seconds"] = seconds
            # The manifest's own time: telling again, after a crash between two calls, makes no second point.
            stamp = int((artifact.path / MANIFEST).stat().st_mtime * 1000)
            self.client.log_batch(run, metrics=[Metric(k, v, stamp, 0) for k, v in numbers.items()][:900])
            if isinstance(artifact, Scorecard):  # on the journey's own run, so that journeys compare in one table
                scores = [Metric(k.removeprefix("facts."), v, stamp, 0) for k, v in numbers.items() if k != "seconds"]
                self.client.log_batch(self.run, metrics=scores)
            tags = {"identity": artifact.identity, "path": str(artifact.path.resolve()), "digest": artifact.digest}
            self.client.log_batch(run, tags=[RunTag(f"shoptalk.{key}", value) for key, value in tags.items()])
        elif before.info.status == "FINISHED":
            return
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
            tags = {"shoptalk.digest": release.digest}
            model = self.client.create_logged_model(self.experiment, name=name, source_run_id=self.run, tags=tags)
            self.client.log_model_artifacts(model.model_id, str(release.path))
            self.client.finalize_logged_model(model.model_id, "READY")
            tags["shoptalk.card"] = file_sha256(release.path / "README.md")
            uri = f"models:/{model.model_id}"
            with redirect_stderr(StringIO()):  # it tells what the command's table tells
                version = mlflow.register_model(uri, name, await_registration_for=0, tags=tags).version
        self.client.set_registered_model_alias(name, ALIAS, version)


def safe(key: str) -> str:
    """A name of a metric or parameter in the characters that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in key)[:250]
