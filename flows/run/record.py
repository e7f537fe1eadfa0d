"""The record of a recipe's run: which artifact each stage made or found; what ``show`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from domain.artifacts import Artifact
from domain.errors import UserError
from domain.manifest import write_json


class RunRecord:
    """``<work>/runs/<recipe>.json``, rewritten after every stage."""

    def __init__(self, work: Path, name: str) -> None:
        self.path = work / "runs" / f"{name}.json"

    @classmethod
    def exists(cls, work: Path, name: str) -> bool:
        """Whether a recipe of this name was run in ``work``."""
        return "/" not in name and cls(work, name).path.is_file()

    def begin(self, recipe: dict[str, Any], as_of: str) -> None:
        """Start a new record; the last one is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"recipe": recipe, "as_of": as_of, "stages": {}, "told": None})

    def add(self, label: str, artifact: Artifact, seconds: float | None, learned: dict[str, Any] | None = None) -> None:
        """Note a finished stage; ``seconds`` is None where the artifact was found.

        ``learned`` is what a training took against its plan, as ``domain.planning.speed`` has it.
        """
        content = self.read()
        content["stages"][label] = {
            "number": len(content["stages"]),
            "kind": type(artifact).__name__,
            "path": str(artifact.path.resolve()),
            "identity": artifact.identity,
            "digest": artifact.digest,
            "facts": artifact.facts,
            "seconds": None if seconds is None else round(seconds, 1),
            **({"learned": {name: learned[name] for name in ("planned", "measured")}} if learned else {}),
        }
        write_json(self.path, content)

    def tell(self, uri: str) -> None:
        """Note that all of this was told to the tracking server at ``uri``."""
        write_json(self.path, {**self.read(), "told": uri})

    def told(self, recipe: dict[str, Any], as_of: str, digests: dict[str, str], uri: str) -> bool:
        """Whether these artifacts of this recipe and day were told there: a run may be killed before it tells.

        A shorter run finds a part of them, and leaves the longer one's record as it is.
        """
        try:
            content = self.read()
        except UserError:
            return False
        recorded = {label: stage["digest"] for label, stage in content["stages"].items()}
        same = (content["recipe"], content["as_of"], content.get("told")) == (recipe, as_of, uri)
        return same and digests.items() <= recorded.items()

    def read(self) -> dict[str, Any]:
        """The record; raises ``UserError`` where this recipe never ran in this work folder."""
        work, name = self.path.parent.parent, self.path.stem
        try:
            content: dict[str, Any] = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            raise UserError(str(work), f"holds no run of {name}", f"shoptalk run {name}, or name its --work") from None
        except (OSError, ValueError) as error:
            raise UserError(str(self.path), f"cannot be read ({error})", "remove it, then run again") from None
        return content
