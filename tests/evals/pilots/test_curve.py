"""The drawing: units on both axes, every pilot in it, and a gate that is far away does not press it together."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from domain.units import amount
from evals.pilots.curve import curve, rounded

SPACE = "{http://www.w3.org/2000/svg}"
POINTS = [
    {"domain": share, "learning_rate": rate, "tokens": tokens, "bits": {"domain": 2.0 + off, "general": 1.5 - off}}
    for share, rate in ((0.5, 1e-3), (0.9, 3e-3)) for tokens, off in ((1_000, 0.4), (2_000, 0.2), (4_000, 0.1))
]  # fmt: skip
LENGTHS = [1_000.0, 8_000.0, 64_000.0]
LINES = {
    "domain": [[2.4, 2.3, 2.5], [2.05, 1.9, 2.2], [1.9, 1.6, 2.1]],
    "general": [[1.1, 1.0, 1.2], [1.42, 1.3, 1.5], [1.5, 1.3, 1.7]],
}


def drawn(base: float, allowed: float = 0.01) -> tuple[str, list[str]]:
    """A drawing where both parts of the base have these bits, and its texts."""
    made = curve(POINTS, LENGTHS, LINES, {"domain": 0.9, "learning_rate": 3e-3}, dict.fromkeys(LINES, base), allowed)
    return made, ["".join(each.itertext()) for each in ElementTree.fromstring(made).iter(f"{SPACE}text")]


def test_axes_have_units_and_the_end_its_interval() -> None:
    made, texts = drawn(1.8)
    assert "Chosen: 90% domain text at a peak rate of 0.003" in texts
    assert {"Domain text, bits per UTF-8 byte", "General text, bits per UTF-8 byte"} < set(texts)
    assert texts.count("tokens of training (log scale)") == 2
    assert [text for text in texts if re.fullmatch(r"\d+k", text)] == ["1k", "2k", "4k", "64k"] * 2
    assert {"1.900 [1.600, 2.100]", "1.500 [1.300, 1.700]"} < set(texts)
    assert {"the base: 1.800", "+1%, the gate: 1.818"} < set(texts)
    titles = [each.text for each in ElementTree.fromstring(made).iter(f"{SPACE}title")][1:]
    assert sorted(titles) == sorted(["50% domain text, rate 0.001", "90% domain text, rate 0.003"] * 2)


def test_a_limit_that_is_far_away_is_named_and_not_drawn() -> None:
    near, _ = drawn(1.8)
    far, texts = drawn(9.0)
    assert near.count('class="gate"') == 2
    assert far.count('class="gate"') == 0
    assert {"the base: 9.000 ↑", "+1%, the gate: 9.090 ↑"} < set(texts)
    low, texts = drawn(0.1)
    assert "the base: 0.100 ↓" in texts
    places = [float(each) for each in re.findall(r'<circle cx="[\d.]+" cy="([\d.-]+)" r="[34]"/>', far)]
    assert len(places) == 2 * len(POINTS) + 1  # and that of the legend
    assert places == [float(each) for each in re.findall(r'<circle cx="[\d.]+" cy="([\d.-]+)" r="[34]"/>', low)]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.4, 2.7, ["1.5", "2.0", "2.5"]),
        (1.3, 9.9, ["2", "4", "6", "8"]),
        (0.0, 5.2, ["0", "2", "4"]),
        (2.981, 3.042, ["3.00", "3.02", "3.04"]),
        (0.99, 1.006, ["0.990", "0.995", "1.000", "1.005"]),
    ],
)
def test_round_numbers(low: float, high: float, told: list[str]) -> None:
    found: list[Any] = list(rounded(low, high))
    assert [text for _, text in found] == told
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, _ in found)


def test_amounts() -> None:
    assert [amount(count) for count in (512, 1_024, 65_536, 5.9e6, 2e9, 1.2e12)] == [
        "512", "1.02k", "65.5k", "5.9M", "2B", "1.2T",
    ]  # fmt: skip
