"""A Prefect run page: named and tagged by recipe and outcome, with the funnel, the scorecard and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from domain.artifacts import Artifact, Corpus, Decision, Release, Scorecard
from domain.release.decision import outcome_of
from domain.release.scores import PartScore
from domain.spec import Spec
from domain.stage import A, Stage
from domain.training.metrics_log import read_about, read_points
from flows.tracking.tracker import Tracker, quietly

TableRow = dict[str, object]


class RunPage(Tracker):
    """Artifacts and tags of the flow run in which it is made."""

    uri = "prefect"

    def __init__(self, name: str, as_of: date) -> None:
        self.name, self.as_of, self.run = name, as_of, str(flow_run.id)
        self.labels: dict[str, str] = {}
        self.bars: dict[str, UUID] = {}
        self.decision: Decision | None = None
        self.release: Release | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.decision is not None:
            self.conclude(self.decision)

    @quietly
    def tag(self, *tags: str) -> None:
        """Name the run and add tags to those that it has."""
        with get_client(sync_client=True) as client:
            present = client.read_flow_run(UUID(self.run)).tags
            client.update_flow_run(UUID(self.run), name=f"{self.name} {self.as_of}", tags=sorted({*present, *tags}))

    @quietly
    def started(self, label: str, request: str, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact]) -> None:
        """Remember the label, for the progress of a training."""
        self.labels[request] = label

    @quietly
    def forward(self, request: str, spool: Path) -> None:
        """Show how far a training is."""
        points, steps = read_points(spool), read_about(spool).get("steps")
        if not points or not steps:
            return
        step, loss = points[-1]["step"], points[-1]["loss"]
        share, text = 100.0 * step / steps, f"step {step:,} of {steps:,}, loss {loss:.4g}"
        if request in self.bars:
            update_progress_artifact(self.bars[request], share, f"{self.labels[request]}: {text}")
        else:
            key = self.key(self.labels[request])
            artifact = create_progress_artifact(share, key, f"{self.labels[request]}: {text}")
            self.bars[request] = cast(UUID, artifact)  # a coroutine only in an async flow

    @quietly
    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """Show the funnel of a corpus and the table of a scorecard; keep the decision for the end."""
        if isinstance(artifact, Corpus):
            create_table_artifact(funnel(artifact), self.key("funnel"), "Documents, from collected to kept")
        elif isinstance(artifact, Scorecard):
            text = "Bits per UTF-8 byte on held-out text (lower is better), with 95% intervals of the changes"
            create_table_artifact(score_table(artifact), self.key("scorecard"), text)
        elif isinstance(artifact, Decision):
            self.decision = artifact
        elif isinstance(artifact, Release):
            self.release = artifact

    @quietly
    def conclude(self, decision: Decision) -> None:
        """The decision as text, with the place of the release, and as a tag."""
        outcome = "released" if decision.facts["released"] else "not released"
        lines = [f"## {self.name}, as of {self.as_of}: {outcome_of(decision.facts)}", ""]
        lines += [f"- {reason}" for reason in decision.facts["reasons"]]
        if self.release is not None:
            lines += ["", f"Release: `{self.release.path.resolve()}`"]
        create_markdown_artifact("\n".join(lines), self.key("decision"), outcome)
        self.tag(outcome)

    def key(self, what: str) -> str:
        """A key of the artifacts page: lower case, digits and hyphens; a later run adds a version to it."""
        return "-".join(f"{self.name} {what}".lower().replace("_", " ").split())


def funnel(corpus: Corpus) -> list[TableRow]:
    """A row for what was collected, for each reason of removal, and for what was kept."""
    facts = corpus.facts
    total = facts["documents_in"]

    def row(step: str, documents: int) -> TableRow:
        return {"step": step, "documents": documents, "share": f"{documents / total:.1%}" if total else ""}

    removed = sorted(facts["dropped"].items(), key=lambda each: (-each[1], each[0]))
    rows = [row(f"removed: {reason}", count) for reason, count in removed if count]
    return [row("collected", total), *rows, row("kept", facts["documents_out"])]


def score_table(scorecard: Scorecard) -> list[TableRow]:
    """A row for each part of the held-out text."""
    rows: list[TableRow] = []
    for part, content in scorecard.facts.items():
        score = PartScore.from_dict(content)
        changes = {f"adapted against {model}": score.changes[model].percent() for model in ("control", "base")}
        rows.append({"text": part, **score.bits, **changes})
    return rows
