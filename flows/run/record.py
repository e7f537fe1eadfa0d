"""The record of a recipe's last run: its stages, their artifacts, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from domain.artifacts import Artifact
from domain.errors import UserError, first_line
from domain.manifest import write_json
from flows.record_checks import check_facts, read_run
from flows.records import RunContent, StageRecord, Took, located
from flows.run.disk import disk_error
from flows.run.lock import holder

RUNNING, COMPLETED, FAILED, INTERRUPTED, KILLED = "running", "completed", "failed", "interrupted", "killed"


class RunRecord:
    """``<work>/runs/<recipe>.json``, rewritten at the begin and end of each stage. Releases are recorded apart."""

    def __init__(self, work: Path, name: str) -> None:
        self.work, self.path = work, work / "runs" / f"{name}.json"

    @classmethod
    def exists(cls, work: Path, name: str) -> bool:
        """Whether a recipe of this name was run in ``work``."""
        try:
            return "/" not in name and cls(work, name).path.is_file()
        except OSError:  # of a name that no file can have
            return False

    def begin(self, recipe: dict[str, object], as_of: str, *, file: str = "", until: str = "release") -> None:
        """Start a new record; the last one is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(
            self.path,
            {
                "recipe": recipe, "file": file, "as_of": as_of, "until": until, "started": started,
                "process": os.getpid(), "state": RUNNING, "stage": "", "error": "", "exit_code": None, "stages": {},
                "tracked_at": None,
            },
        )  # fmt: skip

    def enter(self, label: str) -> None:
        """Record the stage that runs now."""
        write_json(self.path, {**self.stored(), "stage": label})

    def add(self, label: str, artifact: Artifact, seconds: float | None, learned: Took | None = None) -> None:
        """Record a finished stage; ``seconds`` is None for a cached one.

        ``learned`` is what a training took, beside its estimate.
        """
        content = self.stored()
        record: StageRecord = {
            "number": len(content["stages"]),
            "kind": type(artifact).__name__,
            # Relative to the work folder, which may be moved.
            "path": os.path.relpath(artifact.path.resolve(), self.work.resolve()),
            "identity": artifact.identity,
            "digest": artifact.digest,
            "facts": artifact.facts,
            "seconds": None if seconds is None else round(seconds, 1),
        }
        content["stages"][label] = {**record, "learned": learned} if learned else record
        write_json(self.path, {**content, "stage": ""})

    def note_page(self, label: str, path: Path) -> None:
        """Note the page that shows a stage."""
        content = self.stored()
        content["stages"][label]["page"] = os.path.relpath(path.resolve(), self.work.resolve())
        write_json(self.path, content)

    @contextmanager
    def attempt(
        self, recipe: dict[str, object], as_of: str, *, file: str = "", until: str = "release"
    ) -> Iterator[None]:
        """Record a run and how it ends."""
        self.begin(recipe, as_of, file=file, until=until)
        try:
            yield
        except BaseException as error:
            with suppress(OSError, UserError):  # on a full disk; the run's own error is raised
                self.end(error)
            raise
        self.end(None)

    def end(self, error: BaseException | None) -> None:
        """Record how the run ended; the stage in which it failed stays recorded."""
        content = self.stored()
        if error is None:
            decision = content["stages"].get("decide")
            refused = content["until"] == "release" and decision and not decision["facts"]["released"]
            state, code, message = COMPLETED, 3 if refused else 0, ""
        elif not isinstance(error, Exception):
            state, code, message = INTERRUPTED, 130, ""
        else:
            error = disk_error(error, self.work) or error
            user_errors = (
                error.subgroup(UserError) if isinstance(error, ExceptionGroup) else isinstance(error, UserError)
            )
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            state, code, message = FAILED, 2 if user_errors else 1, first_line(first)
        write_json(self.path, {**content, "state": state, "error": message, "exit_code": code})

    def mark_tracked(self, uri: str) -> None:
        """Record that all of this run is on the tracking server at ``uri``."""
        write_json(self.path, {**self.stored(), "tracked_at": uri})

    def is_tracked(self, recipe: dict[str, object], as_of: str, digests: Mapping[str, str], uri: str) -> bool:
        """Whether these artifacts of this recipe and day are tracked at ``uri``; a run may be killed before that.

        True also for a shorter run, whose artifacts are a part of the recorded ones.
        """
        try:
            content = self.stored()
        except UserError:
            return False
        recorded = {label: stage["digest"] for label, stage in content["stages"].items()}
        here = (content["recipe"], content["as_of"], content["tracked_at"], content["state"])
        return here == (recipe, as_of, uri, COMPLETED) and digests.items() <= recorded.items()

    def read(self) -> RunContent:
        """The record, with paths that can be opened, and ``killed`` for a run that no longer runs."""
        content = self.stored()
        content["stages"] = located(content["stages"], self.work)
        if content["state"] == RUNNING and holder(self.work) != content["process"]:
            content["state"] = KILLED
        return content

    def shown(self) -> RunContent:
        """The record as ``read`` gives it, of which the headline can be shown; raises ``UserError`` if it cannot."""
        content = self.read()
        check_facts(self.path, content["stages"])
        return content

    def stored(self) -> RunContent:
        """The record as stored; raises ``UserError`` if it is malformed, or if this recipe never ran here."""
        try:
            return read_run(self.path)
        except FileNotFoundError:
            fix = f"shoptalk run {quote(self.path.stem)}, or name its --work"
            raise UserError(str(self.work), f"holds no run of {self.path.stem}", fix) from None


def ended(content: RunContent) -> str:
    """How a recorded run ended: state, stage, exit code and error."""
    stage = f" in stage {content['stage']}" if content["stage"] else ""
    match content["state"]:
        case "running":
            return f"running{stage}"
        case "killed":
            return f"killed{stage}; give the same command again to continue"
        case "interrupted":
            return f"interrupted{stage} (exit code {content['exit_code']}); give the same command again to continue"
        case "failed":
            return f"failed{stage} (exit code {content['exit_code']}): {content['error']}"
    decision = content["stages"].get("decide")
    if content["until"] != "release":
        return f"completed, up to {content['until']}"
    if decision and not decision["facts"]["released"]:
        return f"completed, not released (exit code {content['exit_code']})"
    return "completed and released"
