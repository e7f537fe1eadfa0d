"""The law finds again what made its points, and says how little few points tell."""

from __future__ import annotations

import numpy as np
import pytest

from evals.pilots.law import interval, predict

LENGTHS = (0.25, 0.5, 1.0)


def dcpt(share: float, tokens: float, e: float, b: float, c: float, fall: float, pull: float, lift: float) -> float:
    return e + b * share**pull / tokens**fall + c / (share + 0.1) ** lift


def series(law: tuple[float, ...], shares: tuple[float, ...], noise: float, seed: int) -> tuple[list[float], ...]:
    generator = np.random.default_rng(seed)
    places = [(share, length) for share in shares for length in LENGTHS]
    bits = [dcpt(*place, *law) + float(generator.normal(0, noise)) for place in places]
    return [share for share, _ in places], [1e6 * length for _, length in places], bits


@pytest.mark.parametrize(
    "law", [(0.7, 0.2, 0.05, 0.35, 0.6, 0.8), (0.9, 0.1, 0.1, 0.2, 1.0, 0.5), (0.8, -0.05, 0.1, 0.3, 0.5, 1.0)]
)
def test_intervals_hold_the_truth_in_most_of_many_seeds(law: tuple[float, ...]) -> None:
    held, total = 0, 0
    for seed in range(12):
        points = series(law, (0.5, 0.7, 0.9), 0.003, seed)
        draws = predict(*points, [(share, 20e6) for share in (0.5, 0.7, 0.9)], seed=seed)
        for share, column in zip((0.5, 0.7, 0.9), draws.T, strict=True):
            middle, low, high = interval(column)
            truth = dcpt(share, 20.0, *law)
            held += low <= truth <= high
            total += 1
            assert abs(middle - truth) < 0.08
    assert held >= 0.8 * total


def test_without_noise_the_law_is_found_again() -> None:
    law = (0.7, 0.2, 0.05, 0.35, 0.5, 1.0)  # exponents that stand on the grid
    draws = predict(*series(law, (0.3, 0.5, 0.7, 0.9), 0.0, 0), [(0.6, 10e6)])
    middle, low, high = interval(draws[:, 0])
    assert middle == pytest.approx(dcpt(0.6, 10.0, *law), rel=0.01)
    assert low < middle < high


def test_the_noise_of_the_run_that_is_predicted_is_in_it() -> None:
    law, held = (0.7, 0.2, 0.05, 0.35, 0.6, 0.8), []
    for seed in range(60):
        shares, tokens, bits = series(law, (0.3, 0.5, 0.7, 0.9), 0.02, seed)
        measured = dcpt(0.5, 2.0, *law) + float(np.random.default_rng(1_000 + seed).normal(0, 0.02))
        _, low, high = interval(predict(shares, tokens, bits, [(0.5, 2e6)], seed=seed)[:, 0])
        held.append(low <= measured <= high)
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("before", [0.0, 1.0, 3.0])
def test_a_base_that_brings_tokens_along_falls_later(before: float) -> None:
    def truth(share: float, tokens: float) -> float:
        return 0.9 + 0.6 * share**0.5 / (before + tokens) ** 0.35 + 0.05 / (share + 0.1)

    shares = [share for share in (0.5, 0.7, 0.9) for _ in LENGTHS]
    tokens = [length for _ in range(3) for length in LENGTHS]
    held = 0
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 0.003, 9)
        bits = [truth(*place) + float(off) for place, off in zip(zip(shares, tokens, strict=True), noise, strict=True)]
        _, low, high = interval(predict(shares, tokens, bits, [(0.7, 64.0)], seed=seed)[:, 0])
        held += low <= truth(0.7, 64.0) <= high
    assert held >= 8


def test_noise_and_distance_widen_the_interval() -> None:
    law = (0.7, 0.2, 0.05, 0.35, 0.6, 0.8)

    def width(noise: float, tokens: float, shares: tuple[float, ...] = (0.5, 0.7, 0.9)) -> float:
        _, low, high = interval(predict(*series(law, shares, noise, 3), [(0.7, tokens)])[:, 0])
        return high - low

    assert width(0.001, 2e6) < width(0.001, 50e6) < width(0.02, 50e6)
    assert width(0.001, 50e6) < width(0.001, 50e6, (0.7,))


def test_one_share_is_a_power_law_in_tokens() -> None:
    bits = [1.0 + 0.5 * (1e6 * length) ** -0.3 * 1e6**0.3 for length in LENGTHS]
    middle, low, high = interval(predict([0.7] * 3, [1e6 * length for length in LENGTHS], bits, [(0.7, 8e6)])[:, 0])
    assert low < 1.0 + 0.5 * 8**-0.3 < high
    assert middle == pytest.approx(1.0 + 0.5 * 8**-0.3, rel=0.02)
    with pytest.raises(ValueError, match="2 points are too few for 2 unknowns"):
        predict([0.7] * 2, [1.0, 2.0], [1.0, 0.9], [(0.7, 3.0)])


def test_bits_never_end_below_zero_and_the_same_seed_draws_the_same() -> None:
    falling = ([0.5] * 3 + [0.9] * 3, [1.0, 2.0, 4.0] * 2, [4.0, 2.0, 1.0, 3.0, 1.5, 0.75])
    first, again = (predict(*falling, [(0.5, 1e9), (0.9, 1e9)], seed=5) for _ in range(2))
    assert (first >= 0).all()
    assert np.array_equal(first, again)
