"""A run in MLflow: a parent run, a child run for each stage, data lineage, the registered release."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, suppress
from datetime import date
from getpass import getuser
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self

from domain.artifacts import Artifact, Corpus, Decision, Raw, Release, Scorecard, Tokens
from domain.machine import Machine
from domain.manifest import MANIFEST, file_sha256
from domain.release.decision import outcome_of
from domain.release.scores import CHANGES, SCORED_MODELS
from domain.spec import Spec, fingerprint
from domain.stage import A, Stage
from domain.training.metrics_log import read_about, read_points
from flows.tracking.mlflow_values import log_values, mlflow_name
from flows.tracking.tracker import Tracker, flattened, quietly

BATCH = 75  # points per call; MLflow takes 1,000 metrics, a point has at most 13
ALIAS = "champion"  # MLflow's documented name for the version to use; it reserves "latest"
KIND = {"mlflow.experimentKind": "custom_model_development"}  # of model training: its page opens on runs and charts
NOTE = "mlflow.note.content"  # what MLflow shows as a run's description
HEADLINE = (*SCORED_MODELS, *(value for value, _ in CHANGES.values()))  # of each part's scores
CUT_SHORT = "attributes.status = 'RUNNING' and tags.`shoptalk.work` = '{}'"


class MLflow(Tracker):
    """Finds runs by their tags, so a re-run continues them and logs no run and no point twice."""

    def __init__(
        self, machine: Machine, name: str, journey: str, as_of: date, settings: Mapping[str, object] | None = None
    ) -> None:
        """``settings`` are the recipe's; they become the parameters of the journey's run."""
        self.settings = settings or {}
        base = self.settings.get("base")
        weights = base.get("weights") if isinstance(base, dict) else None
        self.description = f"{weights or 'A model from scratch'}, adapted to {name}, with sources as of {as_of}."
        self.decision: Decision | None = None
        self.label = ""
        self.work = machine.work.resolve()
        self.uri = machine.tracking or f"sqlite:///{self.work / 'mlflow.db'}"
        self.store = (self.work / "mlartifacts").as_uri() if not machine.tracking else None
        self.name, self.journey, self.as_of = name, journey, as_of
        self.children: dict[str, str] = {}
        self.logged: dict[str, int] = {}
        self.reckoned: set[str] = set()
        self.broken = False

    def prepare(self) -> None:
        """Import MLflow, which takes a second or more; an error here is reported by ``open``."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        for noisy in ("mlflow", "alembic", "mlflow.store.db.utils", "mlflow.tracking._model_registry.client"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)  # ``quietly`` reports a failure, once
        with suppress(Exception):
            import mlflow  # noqa: F401

    @quietly
    def open(self) -> None:
        """Connect, end the runs that a killed run of this work folder left open, and create or continue this one."""
        self.prepare()
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        self.client = mlflow.MlflowClient(tracking_uri=self.uri)
        experiment = self.client.get_experiment_by_name(self.name)
        if experiment is None:
            self.experiment = self.client.create_experiment(self.name, self.store, KIND)
        else:
            self.experiment = experiment.experiment_id
        for left in self.client.search_runs([self.experiment], CUT_SHORT.format(fingerprint(str(self.work)))):
            self.client.set_terminated(left.info.run_id, "KILLED")
        run = self.find(f"tags.`shoptalk.journey` = '{self.journey}'")
        tags = {"shoptalk.journey": self.journey, "shoptalk.as_of": self.as_of.isoformat(), NOTE: self.description}
        tags |= {"mlflow.user": getuser(), "mlflow.source.name": f"shoptalk run {self.name}"}
        self.run = run or self.create(f"{self.name} {self.as_of}", tags)
        self.client.update_run(self.run, status="RUNNING")
        self.add_parameters(self.run, self.settings)

    def add_parameters(self, run: str, values: Mapping[str, object], prefix: str = "") -> None:
        """Log values as parameters, except those that the run has already."""
        from mlflow.entities import Param

        present = self.client.get_run(run).data.params
        flat = {mlflow_name(key): str(value)[:6000] for key, value in flattened(dict(values), prefix)}
        new = [Param(key, value) for key, value in flat.items() if key not in present]
        for start in range(0, len(new), 100):  # MLflow's limit of a call
            log_values(self.client, run, new[start : start + 100])

    def find(self, query: str) -> str | None:
        """The id of the run that matches ``query``; None if there is none."""
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
        """End the parent run, and the child run that was interrupted."""
        if status != "FINISHED":
            for run in self.children.values():
                if self.client.get_run(run).info.status == "RUNNING":
                    self.client.set_terminated(run, status)
        outcome = {"FINISHED": "finished", "KILLED": "interrupted"}.get(status, f"failed at {self.label}")
        if self.decision is not None and status == "FINISHED":
            outcome = outcome_of(self.decision.facts)
        self.client.set_tag(self.run, "shoptalk.outcome", outcome)
        self.client.set_tag(self.run, NOTE, "\n\n".join([self.description, f"**{outcome}**", *self.reasons()]))
        self.client.update_run(self.run, name=f"{self.name} {self.as_of}: {outcome}")
        self.client.set_terminated(self.run, status)

    def reasons(self) -> list[str]:
        """The reasons of the decision; empty before it."""
        return list(self.decision.facts["reasons"]) if self.decision else []

    def child(self, label: str, request: str) -> str:
        """The child run of a stage, found or created."""
        if request not in self.children:
            query = f"tags.`shoptalk.request` = '{request}' and tags.`mlflow.parentRunId` = '{self.run}'"
            tags = {"shoptalk.request": request, "shoptalk.stage": label, "mlflow.parentRunId": self.run}
            self.children[request] = self.find(query) or self.create(label, tags)
        return self.children[request]

    @quietly
    def started(self, label: str, request: str, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact]) -> None:
        """Open the stage's run with its spec as parameters, and look up the last point that is logged."""
        self.label = label
        run = self.child(label, request)
        self.client.update_run(run, status="RUNNING")
        self.add_parameters(run, spec.identity_key())
        self.recall(request)

    def recall(self, request: str) -> None:
        """Look up the last point that is already logged."""
        history = self.client.get_metric_history(self.children[request], "loss")
        self.logged[request] = max((metric.step for metric in history), default=0)

    @quietly
    def forward(self, request: str, spool: Path) -> None:
        """Log the points after the last one logged; with the first, the parameters of MFU."""
        if request not in self.children:
            return
        points = read_points(spool)
        if points and request not in self.reckoned and (about := read_about(spool)):
            self.add_parameters(self.children[request], about, "measured")
            self.reckoned.add(request)
        self.log_points(request, points)

    def log_points(self, request: str, points: Sequence[Mapping[str, float]]) -> None:
        """Log the points after the last one logged, in batches."""
        from mlflow.entities import Metric

        run, stamp = self.children[request], int(time.time() * 1000)
        points = [point for point in points if point["step"] > self.logged.get(request, 0)]
        for start in range(0, len(points), BATCH):
            chunk = points[start : start + BATCH]
            values = [(k, v, int(point["step"])) for point in chunk for k, v in point.items() if k != "step"]
            log_values(self.client, run, [Metric(mlflow_name(k), float(v), stamp, step) for k, v, step in values])
            self.logged[request] = int(chunk[-1]["step"])

    @quietly
    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """Close the stage's run with digest, facts and lineage, unless that was logged before.

        A stage whose run stands below another journey has no second one here. Of a training that was not followed to
        its end, as when the server was away, the rest of the curve is logged from the artifact.
        """
        from mlflow.entities import RunTag

        self.on_journey(label, artifact)
        digest = f"tags.`shoptalk.request` = '{request}' and tags.`shoptalk.digest` = '{artifact.digest}'"
        if (
            seconds is None
            and request not in self.children
            and self.find(f"{digest} and attributes.status = 'FINISHED'")
        ):
            return
        run = self.child(label, request)
        before = self.client.get_run(run)
        if before.data.tags.get("shoptalk.digest") != artifact.digest:
            self.add_parameters(run, artifact.manifest["spec"] or {})
            self.recall(request)
            self.log_points(request, read_points(artifact.path / "training.jsonl"))
            self.add_inputs(run, list(parents.values()))
            self.client.log_dict(run, artifact.facts, "facts.json")
            tags = {"identity": artifact.identity, "path": str(artifact.path.resolve()), "digest": artifact.digest}
            tags |= {} if seconds is None else {"seconds": f"{seconds:.1f}"}
            log_values(self.client, run, [RunTag(f"shoptalk.{key}", value) for key, value in tags.items()])
        elif before.info.status == "FINISHED":
            return
        self.client.set_terminated(run)

    def on_journey(self, label: str, artifact: Artifact) -> None:
        """On the journey's own run, so that journeys compare in one table: scores, the data, and the decision."""
        from mlflow.entities import Metric

        if isinstance(artifact, Decision):
            self.decision = artifact
        tag = f"shoptalk.digest.{label}"
        if self.client.get_run(self.run).data.tags.get(tag) == artifact.digest:
            return
        if isinstance(artifact, Raw | Corpus | Tokens):
            self.add_inputs(self.run, (artifact,))
        if isinstance(artifact, Scorecard):
            # The manifest's own time: logging again, after a crash between two calls, makes no second point.
            stamp = int((artifact.path / MANIFEST).stat().st_mtime * 1000)
            headline = {k: float(v) for k, v in flattened(artifact.facts) if k.rpartition(".")[2] in HEADLINE}
            log_values(self.client, self.run, [Metric(mlflow_name(k), v, stamp, 0) for k, v in headline.items()])
        self.client.set_tag(self.run, tag, artifact.digest)

    def add_inputs(self, run: str, artifacts: Sequence[Artifact]) -> None:
        """Artifacts as the dataset inputs of a run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(type(each).__name__.lower(), each.digest[:36], "local", each.path.resolve().as_uri()),
                [InputTag("mlflow.data.context", each.manifest["stage"])],
            )
            for each in artifacts
        ]
        if inputs:
            self.client.log_inputs(run, datasets=inputs)

    @quietly
    def pages(self, paths: Sequence[Path]) -> None:
        """On the journey's run, where the newest replaces the one before."""
        for path in paths:
            self.client.log_artifact(self.run, str(path))

    @quietly
    def register(self, name: str, release: Release) -> None:
        """A logged model of plain files, a version of the registered model ``name``, and the alias on it."""
        import mlflow
        from mlflow.entities import LoggedModelOutput
        from mlflow.exceptions import MlflowException

        try:
            versions = self.client.search_model_versions(f"name = '{name}'")
        except MlflowException:
            versions = []
        if not any(each.tags.get("shoptalk.digest") == release.digest for each in versions):
            tags = {"shoptalk.digest": release.digest}
            model = self.client.create_logged_model(self.experiment, name=name, source_run_id=self.run, tags=tags)
            self.client.log_model_artifacts(model.model_id, str(release.path))
            self.client.finalize_logged_model(model.model_id, "READY")
            self.client.log_outputs(self.run, [LoggedModelOutput(model.model_id, step=0)])
            tags["shoptalk.card"] = file_sha256(release.path / "README.md")
            uri = f"models:/{model.model_id}"
            with redirect_stderr(StringIO()):  # it prints what the command's table says
                version = mlflow.register_model(uri, name, await_registration_for=0, tags=tags).version
            about = "\n\n".join([self.description, *self.reasons()])
            self.client.update_model_version(name, version, about)
            self.client.update_registered_model(name, f"Language models adapted to {name}, a version for each release.")
            self.client.set_registered_model_alias(name, ALIAS, version)
        elif ALIAS not in self.client.get_registered_model(name).aliases:  # killed before the alias was set
            newest = max(versions, key=lambda each: int(each.version))
            self.client.set_registered_model_alias(name, ALIAS, newest.version)
