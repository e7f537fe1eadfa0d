"""What every scorer answers, and how often it is wrong on text that is known to be good."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

import numpy as np

from domain.errors import UserError
from domain.text.words import Split

WORST = 5  # samples told
AT_ONCE = 256  # texts


@dataclass(frozen=True)
class Scores:
    """``values``: float64 [texts], 0 (harmless) to 1; ``which``: int64 [texts], the label that weighs most."""

    values: np.ndarray
    labels: tuple[str, ...]
    which: np.ndarray

    def label(self, text: int) -> str:
        """What kind of harm text number ``text`` is likeliest to hold."""
        return self.labels[int(self.which[text])]


class Scorer(Protocol):
    """A word list, a linear model, fastText's or a transformer."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of harm that it tells apart."""

    def score(self, split: Split) -> Scores:
        """How harmful each text of the split is."""


@dataclass(frozen=True)
class FalsePositives:
    """How many of ``texts`` good texts a scorer calls harmful; ``worst`` are (text's number, score, label), the
    highest scores first, whether or not they are above the threshold.
    """

    threshold: float
    texts: int
    flagged: int
    worst: tuple[tuple[int, float, str], ...]

    @property
    def rate(self) -> float:
        """Share of the texts that are flagged."""
        return self.flagged / self.texts if self.texts else 0.0

    @property
    def upper_bound(self) -> float:
        """What the rate is at most, with confidence 0.95: none of 1,000 flagged still allows 0.0027.

        The upper end of Wilson's interval, one-sided (Wilson 1927; z = 1.645).
        """
        if not self.texts:
            return 1.0
        z, n, p = 1.645, self.texts, self.rate
        centre = p + z * z / (2 * n)
        return min(1.0, (centre + z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n))


def false_positives(scores: Scores, threshold: float) -> FalsePositives:
    """What a scorer makes of texts that are known to be good, at ``threshold`` (a score above it is flagged)."""
    order = np.argsort(-scores.values, kind="stable")[:WORST].tolist()
    worst = tuple((i, float(scores.values[i]), scores.label(i)) for i in order if scores.values[i] > 0)
    return FalsePositives(threshold, len(scores.values), int((scores.values > threshold).sum()), worst)


def calibrated(scores: Scores, limit: float) -> float:
    """The lowest threshold, in steps of 0.0001, above which lie at most ``limit`` (a share) of these good texts."""
    descending = np.sort(scores.values)[::-1]
    allowed = int(limit * len(descending) + 1e-9)
    if allowed >= len(descending):
        return 0.0
    return min(1.0, math.ceil(float(descending[allowed]) * 10_000 - 1e-9) / 10_000)


def surely_calibrated(scores: Scores, limit: float) -> float:
    """As ``calibrated``, with fewer texts above it, so that the rate on others like them is at most ``limit`` with
    confidence 0.95. Where there are too few texts for that, none is above it.
    """
    texts = len(scores.values)
    bounds = (FalsePositives(0.0, texts, flagged, ()).upper_bound for flagged in range(texts + 1))
    surely = max(0, sum(1 for _ in takewhile(lambda bound: bound <= limit, bounds)) - 1)
    return calibrated(scores, surely / texts) if texts else 1.0


def chosen(model_labels: Sequence[str], safe: str, wanted: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """(columns, labels) of ``model_labels`` that count as harm: those ``wanted``, else all but ``safe``.

    Raises ``UserError``.
    """
    labels = tuple(wanted) or tuple(label for label in model_labels if label != safe)
    for label in labels:
        if label not in model_labels:
            raise UserError(
                "harm: labels", f"the model has no label {label}", f"name some of {', '.join(model_labels)}"
            )
    return [model_labels.index(label) for label in labels], labels


def score_all(scorer: Scorer, texts: Sequence[str]) -> Scores:
    """The scores of any number of texts, split and scored ``AT_ONCE`` at a time."""
    starts = range(0, max(1, len(texts)), AT_ONCE)
    parts = [scorer.score(Split(texts[start : start + AT_ONCE])) for start in starts]
    return Scores(
        np.concatenate([each.values for each in parts]),
        parts[0].labels,
        np.concatenate([each.which for each in parts]),
    )
