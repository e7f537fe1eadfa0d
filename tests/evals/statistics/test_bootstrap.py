from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from domain.release.scores import RelativeChange
from evals.statistics import bootstrap
from evals.statistics.bootstrap import PairedChange, paired_change, six_digits


def drawn(seed: int, units: int, size: int = 1) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two models on documents in clusters of ``size`` that share their difficulty; the first is 10% better."""
    draw = np.random.default_rng(seed)
    second = np.repeat(draw.gamma(2.0, 100.0, size=units), size)
    gain = np.repeat(draw.normal(0.9, 0.1, size=units), size)
    return second * gain, second, [f"c{i // size}" for i in range(units * size)]


def test_the_change_is_a_ratio_of_sums_by_hand() -> None:
    found = paired_change(np.array([1.0, 9.0]), np.array([2.0, 10.0]), ["a", "b"])
    assert found.change == pytest.approx(10 / 12 - 1)  # not the mean of -50% and -10%
    assert found.units == 2
    assert (found.low, found.high) == pytest.approx((-0.5, -0.1))  # a unit alone is drawn a quarter of the time


def test_the_interval_is_that_of_scipy() -> None:
    first, second, names = drawn(0, 80)
    found = paired_change(first, second, names)
    reference = stats.bootstrap(
        (first, second), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis) - 1, paired=True, method="percentile",
        n_resamples=10_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = reference.high - reference.low
    assert found.low == pytest.approx(reference.low, abs=0.05 * width)
    assert found.high == pytest.approx(reference.high, abs=0.05 * width)


def test_the_interval_is_from_the_exact_percentiles() -> None:
    """All 6,435 outcomes of drawing eight clusters with their probabilities: the 2.5th percentile, not the 3.5th."""
    first = np.array([40.0, 95.0, 61.0, 120.0, 33.0, 70.0, 88.0, 51.0])
    second = np.array([50.0, 90.0, 80.0, 110.0, 60.0, 71.0, 101.0, 49.0])
    draws = np.array(list(itertools.combinations_with_replacement(range(8), 8)))
    ways = [math.factorial(8) / math.prod(math.factorial(row.count(unit)) for unit in row_set)
            for row, row_set in ((row, set(row)) for row in draws.tolist())]  # fmt: skip
    ratios = first[draws].sum(axis=1) / second[draws].sum(axis=1) - 1
    order = np.argsort(ratios)
    reached = np.cumsum(np.array(ways)[order]) / 8.0**8
    assert reached[-1] == pytest.approx(1.0)

    def percentile(share: float) -> float:
        return float(ratios[order][np.searchsorted(reached, share)])

    found = paired_change(first, second, list("abcdefgh"), resamples=200_000)
    assert percentile(0.023) < found.low < percentile(0.027)
    assert percentile(0.973) < found.high < percentile(0.977)


def test_as_many_draws_as_the_page_says() -> None:
    """10,000 draws with the generator of seed 0: their interval and no other."""
    first, second, names = drawn(7, 50)
    units = np.random.default_rng(0).integers(50, size=(10_000, 50), dtype=np.int32)
    rows = np.array(sorted(range(50), key=names.__getitem__))[units]  # units are numbered in the order of their names
    ratios = first[rows].sum(axis=1) / second[rows].sum(axis=1) - 1
    found = paired_change(first, second, names)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(ratios, [2.5, 97.5])), rel=1e-12)


def test_draws_take_twenty_megabytes_at_most() -> None:
    first, second, names = drawn(8, 500)  # 10,000 draws of them would be 60 MB
    tracemalloc.start()
    paired_change(first, second, names)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_few_clusters_are_fewer_than_thirty() -> None:
    assert bootstrap.MIN_UNITS == 30


def test_whole_clusters_are_drawn_as_in_a_plain_loop() -> None:
    first, second, names = drawn(1, 40, size=3)
    names[0] = "c1"  # clusters of 2, 4, 3, 3, ...
    groups = [[i for i, name in enumerate(names) if name == wanted] for wanted in sorted(set(names))]
    draw = np.random.default_rng(2)
    ratios = []
    for _ in range(4_000):
        rows = [row for group in draw.integers(len(groups), size=len(groups)) for row in groups[group]]
        ratios.append(sum(first[row] for row in rows) / sum(second[row] for row in rows) - 1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    found = paired_change(first, second, names)
    assert found.units == 40
    assert found.low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.high == pytest.approx(high, abs=0.08 * (high - low))


def test_clusters_widen_the_interval() -> None:
    first, second, names = drawn(3, 50, size=4)
    clustered = paired_change(first, second, names)
    apart = paired_change(first, second, [str(i) for i in range(200)])
    assert clustered.change == pytest.approx(apart.change)
    # Four copies of one are no more evidence than one: the interval is twice as wide.
    assert clustered.high - clustered.low == pytest.approx(2 * (apart.high - apart.low), rel=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(400):
        found = paired_change(*drawn(seed, 60), resamples=400, seed=seed)
        covered += found.low <= -0.1 <= found.high
    assert 0.91 <= covered / 400 <= 0.98  # 95%, less what a percentile interval of 60 units lacks


def test_the_same_seed_gives_the_same_interval_whatever_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, names = drawn(4, 30)
    whole = paired_change(first, second, names, resamples=1_000, seed=5)
    assert paired_change(first, second, names, resamples=1_000, seed=5) == whole
    assert paired_change(first, second, names, resamples=1_000, seed=6) != whole
    for at_once in (90, 1):  # three draws at a time and one at the end; one where even that is more
        monkeypatch.setattr(bootstrap, "AT_ONCE", at_once)
        assert paired_change(first, second, names, resamples=1_000, seed=5) == whole


def test_fractions_of_a_nat_are_compared() -> None:
    assert paired_change(np.array([0.3]), np.array([0.4]), ["a"]).change == pytest.approx(-0.25)


@pytest.mark.parametrize(("first", "second", "names"), [([], [], []), ([0.0], [0.0], ["a"])])
def test_nothing_to_compare(first: list[float], second: list[float], names: list[str]) -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        paired_change(np.array(first), np.array(second), names)


def test_artifacts_hold_six_significant_digits() -> None:
    change = PairedChange(change=-0.12345678, low=-1.2345678, high=0.000012345678, units=40)
    assert change.rounded() == RelativeChange(value=-0.123457, low=-1.23457, high=0.0000123457)
    assert six_digits(2_345_678.9) == 2_345_680.0
