"""Ten times as many mutated files as in the suite."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.flows.fuzzing import KINDS
from tests.flows.test_fuzz import fuzz

__all__ = ["fuzz"]
EXAMPLES = 250  # of each kind


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_written_is_read_or_refused(fuzz: Callable[[str, int], int], kind: str) -> None:
    assert 0 < fuzz(kind, EXAMPLES) < EXAMPLES
