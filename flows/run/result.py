"""What ``run_recipe`` returns: scores, decision, and where each artifact is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.release.scores import PartScore
from flows.records import RunContent, facts_of, summary


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run that ended well.

    ``complete`` is False where the gates did not pass. ``release`` is the folder of the released model, ``scores`` the
    scores on held-out text by part (domain, general), ``reasons`` those of the decision; empty for a run that ended
    before. ``paths`` has the folder of each stage's artifact by the stage's label, in the order of the run.
    """

    recipe: str
    as_of: str
    complete: bool
    release: Path | None
    scores: Mapping[str, PartScore]
    reasons: tuple[str, ...]
    paths: Mapping[str, Path]

    @classmethod
    def of(cls, recipe: str, run: RunContent, until: str) -> RunResult:
        """The result from a run's record, whose paths can be opened."""
        stages = dict(sorted(run["stages"].items(), key=lambda each: each[1]["number"]))
        decision = facts_of(stages, "decide") or {"released": False, "reasons": []}
        return cls(
            recipe=recipe,
            as_of=run["as_of"],
            complete=until != "release" or decision["released"],
            release=Path(stages["release"]["path"]) if "release" in stages else None,
            scores={part: PartScore.from_dict(score) for part, score in (summary(stages)["scores"] or {}).items()},
            reasons=tuple(decision["reasons"]),
            paths={label: Path(stage["path"]) for label, stage in stages.items()},
        )
