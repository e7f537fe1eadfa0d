"""The answer of a rule: which one a text breaks, and by what measure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Violation(NamedTuple):
    """The first rule that a text breaks, and what was measured."""

    reason: str
    score: float


def first_broken(rules: Iterable[tuple[str, np.ndarray, np.ndarray]], texts: int) -> list[Violation | None]:
    """For each text the first of ``(reason, measured, broken)`` that it breaks (both arrays [texts])."""
    violations: list[Violation | None] = [None] * texts
    for reason, measured, broken in rules:
        for text in np.flatnonzero(broken).tolist():
            if violations[text] is None:
                violations[text] = Violation(reason, float(measured[text]))
    return violations
