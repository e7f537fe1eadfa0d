"""The record of a recipe's run: which artifact each stage made or found; what ``show`` reads."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.artifacts import Artifact
from domain.errors import Refusal
from domain.manifest import write_json

MARK = "SHOPTALK_WORK"


class Journey:
    """``<work>/runs/<recipe>.json``, rewritten after every stage."""

    def __init__(self, work: Path, name: str) -> None:
        self.path = work / "runs" / f"{name}.json"

    def begin(self, recipe: dict[str, Any], as_of: str) -> None:
        """Start a new record; the last one is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"recipe": recipe, "as_of": as_of, "stages": {}})

    def add(self, label: str, artifact: Artifact, seconds: float | None) -> None:
        """Note a finished stage; ``seconds`` is None where the artifact was found."""
        content = self.read()
        content["stages"][label] = {
            "kind": type(artifact).__name__,
            "path": str(artifact.path.resolve()),
            "identity": artifact.identity,
            "digest": artifact.digest,
            "facts": artifact.facts,
            "seconds": None if seconds is None else round(seconds, 1),
        }
        write_json(self.path, content)

    def read(self) -> dict[str, Any]:
        """The record; raises ``Refusal`` where this recipe never ran in this work folder."""
        try:
            content: dict[str, Any] = json.loads(self.path.read_bytes())
        except OSError:
            work, name = self.path.parent.parent, self.path.stem
            raise Refusal(str(work), f"holds no run of {name}", f"shoptalk run {name}, or name its --work") from None
        return content


@contextmanager
def holding(work: Path) -> Iterator[None]:
    """Hold the work folder for one run; raises ``Refusal`` where another process holds it."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        file = (work / "lock").open("a+")
    except OSError as error:
        raise Refusal(str(work), f"cannot be written ({error.strerror})", "name another --work") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Refusal(
                str(work), f"is in use by another run (process {holder})", "wait for it, or name another --work"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        end_leftovers(work)
        os.environ[MARK] = str(work.resolve())
        yield


def end_leftovers(work: Path) -> None:
    """End what a killed run left behind in this work folder: workers, a learner, the temporary server.

    They inherited the mark in their environment; whoever holds the lock may end them.
    """
    wanted = f"{MARK}={work.resolve()}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = wanted in (entry / "environ").read_bytes().split(b"\0")
            if marked and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue
