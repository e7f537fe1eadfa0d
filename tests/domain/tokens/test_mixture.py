from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.tokens.mixture import Mixture

PHASES = [{"until": 0.8, "domain": 0.25, "general": 0.75}, {"until": 1, "domain": 0.75, "general": 0.25}]


@pytest.mark.parametrize("shares", [(0.7, 0.2), (0.8, 0.3), (-0.1, 1.1), (1.5, -0.5)])
def test_shares_must_add_up(shares: tuple[float, float]) -> None:
    with pytest.raises(ValidationError):
        Mixture(domain=shares[0], general=shares[1])


def test_a_part_without_share_is_not_read() -> None:
    assert Mixture(domain=0.0, general=1.0).shares == {"general": 1.0}


def test_sources_by_tokens_weights_and_temperature() -> None:
    tokens = {"large": 8_100, "small": 100}
    assert Mixture().of_sources(tokens) == pytest.approx({"large": 81 / 82, "small": 1 / 82})
    # square roots: 90 to 10
    assert Mixture(temperature=2).of_sources(tokens) == pytest.approx({"large": 0.9, "small": 0.1})
    # 8,100 to 900, then their roots: 90 to 30
    weighted = Mixture(weights={"small": 9})
    assert weighted.of_sources(tokens) == pytest.approx({"large": 0.9, "small": 0.1})
    assert weighted.replace(temperature=2).of_sources(tokens) == pytest.approx({"large": 0.75, "small": 0.25})
    assert Mixture(weights={"large": 0}).of_sources(tokens) == {"large": 0.0, "small": 1.0}


def test_temperatures_far_from_one_neither_overflow_nor_vanish() -> None:
    tokens = {"large": 10**12, "small": 10}
    assert Mixture(temperature=1e-3).of_sources(tokens) == {"large": 1.0, "small": 0.0}
    assert Mixture(temperature=1e6).of_sources(tokens) == pytest.approx({"large": 0.5, "small": 0.5}, abs=1e-4)
    assert Mixture().of_sources({}) == {}
    assert Mixture().of_sources({"empty": 0}) == {"empty": 0.0}


def test_phases_say_what_they_come_to() -> None:
    mixture = Mixture(phases=PHASES)
    assert (mixture.domain, mixture.general) == pytest.approx((0.35, 0.65))  # 0.8 * 0.25 + 0.2 * 0.75
    assert mixture.schedule(50) == [(0, [0.25, 0.75]), (40, [0.75, 0.25])]
    assert Mixture().schedule(50) == [(0, [0.7, 0.3])]


def test_a_mixture_with_phases_is_copied_and_read_back() -> None:
    mixture = Mixture(phases=PHASES, weights={"calls": 2})
    assert Mixture.model_validate(mixture.identity_key()) == mixture
    assert mixture.replace(temperature=2).replace(temperature=1) == mixture


def test_one_part_alone_keeps_how_its_sources_are_weighted() -> None:
    alone = Mixture(phases=PHASES, weights={"books": 0.5}, temperature=3).alone("general")
    assert alone == Mixture(domain=0, general=1, weights={"books": 0.5}, temperature=3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"phases": PHASES, "domain": 0.5, "general": 0.5}, "shares of its own"),
        ({"phases": PHASES, "domain": 0.5}, "shares of its own"),
        ({"phases": PHASES[:1]}, "up to 1 in the last"),
        ({"phases": PHASES[::-1]}, "until rise"),
        ({"phases": [{**PHASES[0], "until": 0.8, "general": 0.9}, PHASES[1]]}, "add up to 1"),
        ({"phases": [{"until": 0, "domain": 0.5, "general": 0.5}]}, "greater than 0"),
        ({"phases": 3}, "tuple"),
        ({"phases": [{"domain": 0.5, "general": 0.5}]}, "until"),
        ({"weights": {"calls": -1}}, "greater than or equal to 0"),
        ({"weights": {"calls": float("nan")}}, "finite"),
        ({"temperature": 0}, "greater than or equal to 0.001"),
        ({"max_epochs": 0}, "greater than or equal to 0.001"),
    ],
)
def test_mixtures_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Mixture(**wrong)
