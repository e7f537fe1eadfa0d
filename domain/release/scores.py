"""A model's scores on held-out text, as used by the scorecard, the gates, the card and the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

SCORED_MODELS = ("base", "control", "adapted")  # of every scorecard, in display order
SCORE_COUNTS = ("units", "documents", "bytes")
CHANGES = {"base": ("change", "interval"), "control": ("change_from_control", "interval_from_control")}
OVERLAP, OVERLAP_COUNTS = "overlap", ("documents", "ngrams", "in_training")
SCORE_KEYS = {*SCORE_COUNTS, OVERLAP, *(key for keys in CHANGES.values() for key in keys)}  # no model has such a name


@dataclass(frozen=True, kw_only=True)
class RelativeChange:
    """A relative change of bits per byte and the bounds of its 95% interval: -0.02 is 2% better."""

    value: float
    low: float
    high: float

    def percent(self, digits: int = 1) -> str:
        """``-9.9% [-11.5%, -8.3%]``."""
        return f"{self.value:+.{digits}%} [{self.low:+.{digits}%}, {self.high:+.{digits}%}]"


@dataclass(frozen=True, kw_only=True)
class Score:
    """Scores on held-out documents.

    ``bits`` is bits per UTF-8 byte by model: base, control and adapted, and any further baseline under its own name.
    ``changes`` is the adapted model's change from ``base`` and from ``control``. ``units`` independent clusters of
    ``documents`` were resampled; ``bytes`` were scored.
    """

    bits: Mapping[str, float]
    changes: Mapping[str, RelativeChange]
    units: int
    documents: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: models beside changes and counts."""
        flat: dict[str, Any] = dict(self.bits)
        for model, change in self.changes.items():
            value, interval = CHANGES[model]
            flat |= {value: change.value, interval: [change.low, change.high]}
        return {**flat, **{name: getattr(self, name) for name in SCORE_COUNTS}}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form; raises ``KeyError`` for one without its counts or changes, and ``TypeError`` for
        one whose values are no numbers.
        """
        changes = {}
        for model, (value, interval) in CHANGES.items():
            low, high = content[interval]
            changes[model] = RelativeChange(value=content[value], low=low, high=high)
        names = [*SCORED_MODELS, *sorted(content.keys() - SCORE_KEYS - set(SCORED_MODELS))]
        bits = {name: content[name] for name in names}
        numbers = [*bits.values(), *(content[name] for name in SCORE_COUNTS)]
        numbers += [number for change in changes.values() for number in (change.value, change.low, change.high)]
        if not all(isinstance(number, int | float) for number in numbers):
            raise TypeError("a score is a number")
        return cls(bits=bits, changes=changes, **{name: content[name] for name in SCORE_COUNTS})


@dataclass(frozen=True, kw_only=True)
class SourceOverlap:
    """Of the ``ngrams`` of words of a source's test documents, how many also stand in training text."""

    documents: int
    ngrams: int
    in_training: int

    @property
    def share(self) -> float:
        """The share in training text; 0 where no document is as long as an n-gram."""
        return self.in_training / self.ngrams if self.ngrams else 0.0


@dataclass(frozen=True, kw_only=True)
class NewTextScore:
    """The scores over the documents of which at most ``max_share`` stands in training text; None: there are none."""

    max_share: float
    score: Score | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"max_share": self.max_share, "score": self.score.to_dict() if self.score else None}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form."""
        score = content["score"]
        return cls(max_share=float(content["max_share"]), score=None if score is None else Score.from_dict(score))


@dataclass(frozen=True, kw_only=True)
class OverlapReport:
    """How much of the test text stands in training text, by source, in n-grams of ``words`` words; and the scores over
    the documents of which little or nothing does.
    """

    words: int
    sources: Mapping[str, SourceOverlap]
    new_text: Sequence[NewTextScore]

    @property
    def total(self) -> SourceOverlap:
        """Of all sources."""
        sums = {name: sum(getattr(each, name) for each in self.sources.values()) for name in OVERLAP_COUNTS}
        return SourceOverlap(**sums)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, with the share beside the counts of each source and of all."""

        def row(of: SourceOverlap) -> dict[str, Any]:
            return {**{name: getattr(of, name) for name in OVERLAP_COUNTS}, "share": float(f"{of.share:.6g}")}

        sources = {name: row(each) for name, each in self.sources.items()}
        new_text = [each.to_dict() for each in self.new_text]
        return {"words": self.words, "total": row(self.total), "sources": sources, "new_text": new_text}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form; raises ``KeyError`` or ``TypeError`` for one that is none."""
        sources, new_text = content["sources"], content["new_text"]
        if not isinstance(sources, Mapping) or not isinstance(new_text, list):
            raise TypeError("sources of an overlap are named, and its scores a list")
        counts = {name: {key: each[key] for key in OVERLAP_COUNTS} for name, each in sources.items()}
        if not all(isinstance(number, int) for each in counts.values() for number in each.values()):
            raise TypeError("a count is a number")
        return cls(
            words=int(content["words"]),
            sources={name: SourceOverlap(**each) for name, each in counts.items()},
            new_text=[NewTextScore.from_dict(each) for each in new_text],
        )


@dataclass(frozen=True, kw_only=True)
class PartScore(Score):
    """Scores on one part of the held-out text (domain or general), and what of it stands in training text."""

    overlap: OverlapReport

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, which ``show --json`` prints too."""
        return {**super().to_dict(), OVERLAP: self.overlap.to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The record of a JSON form; raises ``KeyError`` and ``TypeError`` as that of a score."""
        return cls(**vars(Score.from_dict(content)), overlap=OverlapReport.from_dict(content[OVERLAP]))
