"""The scorecard as records: scores by part, source and year, and the tokenizer's measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from domain.artifacts import PARTS
from domain.manifest import write_json
from domain.release.decision import TokenizerReport
from domain.release.scores import SCORE_KEYS, SCORED_MODELS, PartScore

SCORES, TOKENIZER = "scores.json", "tokenizer.json"
BREAKDOWNS = ("sources", "years")
RESERVED_NAMES = {*SCORE_KEYS, *BREAKDOWNS}  # no model has such a name


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """Bits per byte by model over one source or year; no gate uses it."""

    bits: Mapping[str, float]
    documents: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ScoredPart(PartScore):
    """The scores of one part, with those of its sources and years."""

    sources: Mapping[str, GroupScore] = field(default_factory=dict)
    years: Mapping[str, GroupScore] = field(default_factory=dict)

    def headline(self) -> PartScore:
        """The scores without sources and years."""
        return PartScore(**{each.name: getattr(self, each.name) for each in fields(PartScore)})

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: that of the headline, with ``sources`` and ``years``."""
        groups = {"sources": self.sources, "years": self.years}
        return {
            **super().to_dict(),
            **{kind: {name: _group(score) for name, score in each.items()} for kind, each in groups.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form."""
        flat = {key: value for key, value in content.items() if key not in BREAKDOWNS}
        head = PartScore.from_dict(flat)
        groups = {kind: {name: _read_group(score) for name, score in content[kind].items()} for kind in BREAKDOWNS}
        return cls(**vars(head), sources=groups["sources"], years=groups["years"])


@dataclass(frozen=True, kw_only=True)
class ScorecardContent:
    """The JSON files of a scorecard."""

    parts: Mapping[str, ScoredPart]
    tokenizer: TokenizerReport

    def write(self, folder: Path) -> None:
        """Write ``scores.json`` and ``tokenizer.json``."""
        write_json(folder / SCORES, {part: score.to_dict() for part, score in self.parts.items()})
        write_json(folder / TOKENIZER, self.tokenizer.to_dict())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read both files."""
        scores = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        report = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
        return cls(
            parts={part: ScoredPart.from_dict(scores[part]) for part in PARTS if part in scores},
            tokenizer=TokenizerReport.from_dict(report),
        )


def _group(score: GroupScore) -> dict[str, Any]:
    return {**score.bits, "documents": score.documents, "bytes": score.bytes}


def _read_group(content: Mapping[str, Any]) -> GroupScore:
    names = [*SCORED_MODELS, *sorted(content.keys() - {*SCORED_MODELS, "documents", "bytes"})]
    return GroupScore(
        bits={name: content[name] for name in names}, documents=content["documents"], bytes=content["bytes"]
    )
