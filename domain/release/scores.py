"""A model's scores on held-out text, as used by the scorecard, the gates, the card and the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

SCORED_MODELS = ("base", "control", "adapted")  # of every scorecard, in display order
SCORE_COUNTS = ("units", "documents", "bytes")
CHANGES = {"base": ("change", "interval"), "control": ("change_from_control", "interval_from_control")}
SCORE_KEYS = {*SCORE_COUNTS, *(key for keys in CHANGES.values() for key in keys)}  # no model has such a name


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
class PartScore:
    """Scores on one part of the held-out text (domain or general).

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
        """The JSON form, which ``show --json`` prints too: models beside changes and counts."""
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
