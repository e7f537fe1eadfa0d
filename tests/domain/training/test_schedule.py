"""The course of the learning rate against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from domain.settings.learning import Learning
from domain.training.schedule import decay_begins, rate

SPEC = Learning(learning_rate=1.0, warmup=0.1, final_rate=0.1)


def rates(spec: Learning, steps: int) -> list[float]:
    return [rate(spec, step, steps) for step in range(steps)]


def test_warm_up_rises_to_the_peak() -> None:
    assert rates(SPEC, 100)[:11] == pytest.approx([(n + 1) / 10 for n in range(10)] + [1.0])


@pytest.mark.parametrize(
    ("decay", "halfway"), [("cosine", 0.55), ("linear", 0.55), ("none", 1.0)]
)  # of 1 to 0.1: both are in the middle halfway
def test_decays(decay: str, halfway: float) -> None:
    found = rates(SPEC.replace(decay=decay), 101)
    assert found[10] == 1.0
    assert found[55] == pytest.approx(halfway)
    assert found[100] == pytest.approx(1.0 if decay == "none" else 0.1)


def test_wsd_is_constant_and_then_falls_by_a_root() -> None:
    spec = SPEC.replace(decay="wsd", warmup_tokens=10 * 8_192, decay_share=0.2)
    found = rates(spec, 100)
    assert found[9:80] == [1.0] * 71
    assert decay_begins(spec, 100) == 80
    assert found[80] == 1.0
    assert found[85] == pytest.approx(1 - 0.9 * math.sqrt(5 / 19))
    assert found[99] == pytest.approx(0.1)


def test_the_trunk_of_wsd_does_not_know_its_end() -> None:
    spec = SPEC.replace(decay="wsd", warmup_tokens=10 * 8_192)
    short, long = rates(spec, 100), rates(spec, 200)
    assert short[: decay_begins(spec, 100)] == long[: decay_begins(spec, 100)]


def test_wsd_needs_a_warm_up_in_tokens() -> None:
    with pytest.raises(ValidationError, match="needs warmup_tokens"):
        Learning(decay="wsd")


def test_one_step() -> None:
    assert rate(SPEC.replace(warmup=0.0), 0, 1) == 1.0
