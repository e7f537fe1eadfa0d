"""The record of a recipe's last run: its stages, their artifacts, and how it ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from domain.artifacts import Artifact
from domain.errors import UserError
from domain.manifest import write_json
from flows.records import RunContent, StageRecord, Took, located
from flows.run.disk import disk_error
from flows.run.lock import holder

RUNNING, COMPLETED, FAILED, INTERRUPTED, KILLED = "running", "completed", "failed", "interrupted", "killed"


class RunRecord:
    """``<work>/runs/<recipe>.json``, rewritten as a stage begins and as it ends. Releases are recorded apart."""

    def __init__(self, work: Path, name: str) -> None:
        self.work, self.path = work, work / "runs" / f"{name}.json"

    @classmethod
    def exists(cls, work: Path, name: str) -> bool:
        """Whether a recipe of this name was run in ``work``."""
        return "/" not in name and cls(work, name).path.is_file()

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
        """Note the stage that is being made now."""
        write_json(self.path, {**self.stored(), "stage": label})

    def add(self, label: str, artifact: Artifact, seconds: float | None, learned: Took | None = None) -> None:
        """Note a finished stage; ``seconds`` is None where the artifact came from the cache.

        ``learned`` is what a training took, beside its estimate.
        """
        content = self.stored()
        record: StageRecord = {
            "number": len(content["stages"]),
            "kind": type(artifact).__name__,
            # From the work folder, so that the folder may be moved.
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
        """Record a run from its begin to its end, however it ends."""
        self.begin(recipe, as_of, file=file, until=until)
        try:
            yield
        except BaseException as error:
            with suppress(OSError, UserError):  # on a full disk; what failed is raised all the same
                self.end(error)
            raise
        self.end(None)

    def end(self, error: BaseException | None) -> None:
        """Note how the run ended; the stage in which it failed stays noted."""
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
            state, code, message = FAILED, 2 if user_errors else 1, (str(first) or type(first).__name__).splitlines()[0]
        write_json(self.path, {**content, "state": state, "error": message, "exit_code": code})

    def mark_tracked(self, uri: str) -> None:
        """Note that all of this run is on the tracking server at ``uri``."""
        write_json(self.path, {**self.stored(), "tracked_at": uri})

    def is_tracked(self, recipe: dict[str, object], as_of: str, digests: Mapping[str, str], uri: str) -> bool:
        """Whether these artifacts of this recipe and day are tracked there: a run may be killed before that.

        A shorter run finds a part of them, and leaves the longer one's record as it is.
        """
        try:
            content = self.stored()
        except UserError:
            return False
        recorded = {label: stage["digest"] for label, stage in content["stages"].items()}
        here = (content["recipe"], content["as_of"], content["tracked_at"], content["state"])
        return here == (recipe, as_of, uri, COMPLETED) and digests.items() <= recorded.items()

    def read(self) -> RunContent:
        """The record, with paths that can be opened, and ``killed`` where it says ``running`` and nothing runs."""
        content = self.stored()
        content["stages"] = located(content["stages"], self.work)
        if content["state"] == RUNNING and holder(self.work) != content["process"]:
            content["state"] = KILLED
        return content

    def stored(self) -> RunContent:
        """The record as it is stored; raises ``UserError`` where this recipe never ran in this work folder."""
        name = self.path.stem
        try:
            return cast(RunContent, json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            fix = f"shoptalk run {name}, or name its --work"
            raise UserError(str(self.work), f"holds no run of {name}", fix) from None
        except (OSError, ValueError) as error:
            raise UserError(str(self.path), f"cannot be read ({error})", "remove it, then run again") from None


def ended(content: RunContent) -> str:
    """How a recorded run ended, as a sentence: in which stage, and by which error."""
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
