"""Paired bootstrap intervals of a change, resampling whole clusters of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.release.scores import RelativeChange

MIN_UNITS = 30  # independent units below which a gate is not tested
AT_ONCE = 1_000_000  # units drawn at a time: 20 MB


@dataclass(frozen=True, kw_only=True)
class PairedChange:
    """``change`` is a/b - 1 over all documents; ``low`` and ``high`` are its 95% interval over ``units`` clusters."""

    change: float
    low: float
    high: float
    units: int

    def rounded(self) -> RelativeChange:
        """The change and its bounds to six significant digits, as artifacts hold them."""
        return RelativeChange(value=six_digits(self.change), low=six_digits(self.low), high=six_digits(self.high))


def six_digits(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


def paired_change(
    first: np.ndarray, second: np.ndarray, clusters: Sequence[str], *, resamples: int = 10_000, seed: int = 0
) -> PairedChange:
    """The relative change of a ratio of sums, sum(first) / sum(second) - 1, with a percentile bootstrap interval.

    ``first`` and ``second`` are float64 [documents], the same documents under two models. Whole ``clusters`` are
    drawn with replacement, since near-duplicates are not independent evidence (Efron and Tibshirani 1993, 13.3).
    Bytes are the same on both sides, so a ratio of nats is the ratio of bits per byte. Raises ``ValueError``
    without documents, or if their sum under the second model is not positive.
    """
    if not np.sum(second) > 0:
        raise ValueError("nothing to compare: no documents, or their sum under the second model is not above zero")
    _, numbers = np.unique(clusters, return_inverse=True)
    units = int(numbers.max()) + 1
    above = np.bincount(numbers, weights=first)
    below = np.bincount(numbers, weights=second)
    generator = np.random.default_rng(seed)
    ratios = []
    chunk = max(1, AT_ONCE // units)
    for start in range(0, resamples, chunk):
        # Indexing by drawn units is four times as fast as multinomial counts of them.
        drawn = generator.integers(units, size=(min(chunk, resamples - start), units), dtype=np.int32)
        ratios.append(above[drawn].sum(axis=1) / below[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(ratios), [2.5, 97.5]) - 1.0
    return PairedChange(change=float(above.sum() / below.sum() - 1.0), low=float(low), high=float(high), units=units)
