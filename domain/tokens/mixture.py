"""Which part each row is read from: the asked shares, honoured at every moment, decided at reading time."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from domain.spec import Share, Spec


class Mixture(Spec):
    """Shares of the rows that are read; they add up to 1."""

    domain: Annotated[Share, Field(description="share of rows from domain text")] = 0.7
    general: Annotated[Share, Field(description="share of rows from general text (replay)")] = 0.3

    @model_validator(mode="after")
    def _adds_up(self) -> Mixture:
        total = self.domain + self.general
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the shares add up to {total:g}; make them add up to 1")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The shares above zero, by part."""
        return {part: share for part, share in (("domain", self.domain), ("general", self.general)) if share > 0}


def assign(shares: list[float], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """For rows 0..rows-1: the part each is read from, and its running number within that part.

    Each row goes to the part that is furthest behind its share, so that after any n rows every part
    has its share of n to within one row (parts beyond the second: to within their number).
    Returns two int64 arrays of length ``rows``.
    """
    weights = np.asarray(shares, dtype=np.float64)
    if len(weights) == 1:
        return np.zeros(rows, dtype=np.int64), np.arange(rows, dtype=np.int64)
    parts = np.empty(rows, dtype=np.int64)
    numbers = np.empty(rows, dtype=np.int64)
    taken = np.zeros(len(weights), dtype=np.int64)
    for row in range(rows):
        part = int(np.argmax(weights * (row + 1) - taken))
        parts[row], numbers[row] = part, taken[part]
        taken[part] += 1
    return parts, numbers
