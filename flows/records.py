"""The JSON of a run's record and of a release's: the run, and each of its stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NotRequired, Required

from pydantic import Field
from typing_extensions import TypedDict

from domain.errors import UserError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Costs(TypedDict, total=False):
    """What a training takes, estimated or measured; on a GPU of a published peak also what its MFU follows from."""

    seconds: Required[Positive]
    memory: Required[Positive]  # bytes
    mfu: float
    flops_per_token: float
    peak_flops: float


class Took(TypedDict):
    """What a training took, beside its estimate."""

    planned: Costs
    measured: Costs


class StageRecord(TypedDict):
    """What is noted of a stage: its place among the others, its artifact, the seconds that it took (None: cached)."""

    number: int
    kind: str
    path: str
    identity: str
    digest: str
    facts: dict[str, Any]
    seconds: float | None
    learned: NotRequired[Took]
    page: NotRequired[str]  # the HTML page that shows it


Stages = dict[str, StageRecord]  # by label


class RunContent(TypedDict):
    """What is noted of a run. ``stage`` is the one that is running, or in which it failed."""

    recipe: dict[str, object]
    file: str
    as_of: Day
    until: str
    started: str
    process: int
    state: str
    stage: str
    error: str
    exit_code: int | None
    stages: Stages
    tracked_at: str | None


class ReleaseContent(TypedDict):
    """What is noted of a release: its recipe's file, its day, when it was made, and the stages that led to it."""

    file: str
    as_of: Day
    released: str
    stages: Stages


class Summary(TypedDict):
    """The headline of a run, as ``shoptalk show --json`` prints it; None for what is not there yet."""

    release: str | None
    corpus: dict[str, Any] | None
    tokenizer: dict[str, Any] | None
    scores: dict[str, Any] | None
    decision: dict[str, Any] | None
    stages: Stages


def summary(stages: Stages) -> Summary:
    """The headline of a run, from what is noted of its stages."""
    corpus, scores = facts_of(stages, "curate"), facts_of(stages, "evaluate")
    keys = ("documents_in", "documents_out", "bytes_in", "bytes_out", "dropped", "earlier", "losses")
    return {
        "release": stages["release"]["path"] if "release" in stages else None,
        "corpus": {key: corpus[key] for key in keys if key in corpus} if corpus else None,
        "tokenizer": facts_of(stages, "tokenizer"),
        "scores": {part: scores[part] for part in ("domain", "general")} if scores else None,
        "decision": facts_of(stages, "decide"),
        "stages": stages,
    }


def facts_of(stages: Stages, label: str) -> dict[str, Any] | None:
    """What a stage reported of its artifact; None where it did not run yet."""
    return stages[label]["facts"] if label in stages else None


def located(stages: Stages, work: Path) -> Stages:
    """Stages with paths that can be opened, wherever the work folder is now; raises ``UserError`` for one beyond it."""
    opened: Stages = {}
    for label, stage in stages.items():
        opened[label] = {**stage, "path": within_work(work, stage["path"])}
        if "page" in stage:
            opened[label]["page"] = within_work(work, stage["page"])
    return opened


def within_work(work: Path, path: str) -> str:
    """The absolute path of what a record names in the work folder; raises ``UserError`` for anything else."""
    if "\0" in path or Path(path).is_absolute() or ".." in Path(path).parts:
        problem = f"has a record of {path[:100]!r}, which is not in it"
        raise UserError(str(work), problem, f"remove what names it in {work / 'runs'} and {work / 'releases'}")
    return str((work / path).resolve())
