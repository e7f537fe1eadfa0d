"""The release decision and its evidence, as ``decision.json`` holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from domain.manifest import write_json
from domain.release.scores import PartScore
from domain.release.verdict import ExtensionVerdict

DECISION = "decision.json"


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """Whether a gate holds (None: not tested), and why."""

    holds: bool | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class TokenizerReport:
    """``measures`` are the tokenizer stage's facts; ``verdict`` that of an extension's pilots, if any."""

    measures: Mapping[str, Any]
    verdict: ExtensionVerdict | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        verdict = self.verdict.model_dump(mode="json") if self.verdict else None
        return {"measures": dict(self.measures), "verdict": verdict}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form."""
        verdict = content["verdict"]
        return cls(measures=content["measures"], verdict=ExtensionVerdict.model_validate(verdict) if verdict else None)


@dataclass(frozen=True, kw_only=True)
class DecisionRecord:
    """The decision, a sentence for each gate, and the scores they rest on."""

    released: bool
    reasons: Sequence[str]
    gates: Mapping[str, GateResult]
    scores: Mapping[str, PartScore]
    tokenizer: TokenizerReport

    @property
    def untested(self) -> list[str]:
        """The gates that had too little held-out text to be tested."""
        return [name for name, gate in self.gates.items() if gate.holds is None]

    @property
    def outcome(self) -> str:
        """``Released``, ``Not released``, or ``Released, general_loss not tested``."""
        return outcome_of({"released": self.released, "untested": self.untested}).capitalize()

    def write(self, folder: Path) -> None:
        """Write ``decision.json``."""
        content = {
            "released": self.released,
            "reasons": list(self.reasons),
            "gates": {name: {"holds": gate.holds, "reason": gate.reason} for name, gate in self.gates.items()},
            "scores": {part: score.to_dict() for part, score in self.scores.items()},
            "tokenizer": self.tokenizer.to_dict(),
        }
        write_json(folder / DECISION, content)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``decision.json``."""
        content = json.loads((folder / DECISION).read_text(encoding="utf-8"))
        return cls(
            released=content["released"],
            reasons=content["reasons"],
            gates={name: GateResult(**gate) for name, gate in content["gates"].items()},
            scores={part: PartScore.from_dict(score) for part, score in content["scores"].items()},
            tokenizer=TokenizerReport.from_dict(content["tokenizer"]),
        )


def outcome_of(facts: Mapping[str, Any]) -> str:
    """The outcome in a line, from the facts of a decision: ``released, general_loss not tested``."""
    if not facts["released"]:
        return "not released"
    return ", ".join(["released", *(f"{name} not tested" for name in facts.get("untested", ()))])
