from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.errors import Refusal
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture

SIZES = {"rows": 4, "context": 32, "batches": 6}


def test_a_batch_is_a_function_of_seed_and_number(tokens: Any) -> None:
    one, two = (Batches(tokens, Mixture(), **SIZES, seed=3) for _ in range(2))
    forward = [one[i].tokens for i in range(6)]
    backward = [two[i].tokens for i in reversed(range(6))]
    for a, b in zip(forward, reversed(backward), strict=True):
        assert np.array_equal(a, b)
    other = Batches(tokens, Mixture(), **SIZES, seed=4)
    assert not np.array_equal(other[0].tokens, forward[0])


def test_general_rows_come_in_the_same_order_in_every_arm(tokens: Any) -> None:
    control = Batches(tokens, Mixture(domain=0.0, general=1.0), **SIZES, seed=0)
    mixed = Batches(tokens, Mixture(domain=0.5, general=0.5), **SIZES, seed=0)
    general = [row for i in range(6) for row in control[i].tokens.tolist()]
    seen = [row for i in range(6) for row in mixed[i].tokens.tolist() if row in general]
    assert seen == general[: len(seen)]
    assert len(seen) == 12


def test_shapes_and_epochs(tokens: Any) -> None:
    batches = Batches(tokens, Mixture(), **SIZES, seed=0)
    assert batches[0].tokens.shape == batches[0].segments.shape == (4, 33)
    assert len(batches) == 6
    read = batches.epochs()
    held = {part: tokens.facts["train"][part]["tokens"] for part in read}
    assert sum(read[part] * held[part] for part in read) == pytest.approx(4 * 32 * 6)


def test_less_than_one_batch_is_refused(tokens: Any) -> None:
    with pytest.raises(Refusal, match="fewer than one batch"):
        Batches(tokens, Mixture(), rows=10**4, context=32, batches=1, seed=0)
