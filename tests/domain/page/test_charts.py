"""Charts by numbers: proportions, round ticks, and a limit that is far away."""

from __future__ import annotations

from itertools import pairwise

import pytest

from domain.page.charts import HEIGHT, LEFT, POINTS, RIGHT, Series, bars, columns, line_chart, round_numbers, thinned


def test_bars_are_in_proportion() -> None:
    widths = [bar["width"] for bar in bars({"base": 2.5, "control": 2.0, "adapted": 1.25})]
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 0.8, 0.5]
    assert bars({}) == []
    assert bars({"none": 0})[0]["width"] == 0


def test_columns_are_in_proportion_and_their_labels_at_equal_steps() -> None:
    drawn = columns([{"n": 2}, {"n": 1}], "n")
    assert [bar["height"] for bar in drawn] == [HEIGHT, HEIGHT / 2]
    many = [bar for bar in columns([{"n": 1, "m": 1}] * 21, "n", "m") if bar["labelled"]]
    gaps = {round(second["middle"] - first["middle"], 1) for first, second in pairwise(many)}
    assert len(many) == 7
    assert len(gaps) == 1


def test_a_line_goes_from_edge_to_edge() -> None:
    chart = line_chart([Series(name="a", points=[(1.0, 4.0), (10.0, 3.0), (100.0, 2.0)], dots=True)], logarithmic=True)
    (line,) = chart["lines"]
    assert [x for x, _ in line["dots"]] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]
    heights = [y for _, y in line["dots"]]
    assert heights == sorted(heights)
    assert heights[1] == pytest.approx(HEIGHT / 2)
    assert line["path"].startswith(f"M{LEFT:g} ")


def test_an_axis_that_begins_before_the_first_point() -> None:
    chart = line_chart([Series(name="a", points=[(50.0, 1.0), (100.0, 2.0)], dots=True)], start=0.0)
    assert [x for x, _ in chart["lines"][0]["dots"]] == [(LEFT + RIGHT) / 2, RIGHT]


def test_one_point_is_a_chart_too() -> None:
    chart = line_chart([Series(name="a", points=[(5.0, 2.0)], dots=True)])
    assert len(chart["lines"][0]["dots"]) == 1
    assert chart["across"] == [(LEFT, "5")]


def test_a_limit_that_is_far_away_is_named_and_not_drawn() -> None:
    series = [Series(name="a", points=[(1.0, 2.0), (2.0, 3.0)])]
    near, above, below = (line_chart(series, limit=("the gate", level))["limit"] for level in (3.2, 9.0, 0.1))
    assert near["label"] == "the gate 3.200"
    assert 0 < near["y"] < HEIGHT
    assert above == {"label": "the gate 9.000 ↑", "y": None}
    assert below == {"label": "the gate 0.100 ↓", "y": None}


def test_long_series_are_thinned_by_means() -> None:
    assert thinned([(1.0, 1.0), (2.0, 5.0)]) == [(1.0, 1.0), (2.0, 5.0)]
    points = thinned([(float(n), float(n % 2)) for n in range(100_000)])
    assert len(points) <= POINTS
    assert {y for _, y in points} == {0.5}
    assert thinned([]) == []


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1.4, 2.7, ["1.5", "2.0", "2.5"]),
        (1.3, 9.9, ["2", "4", "6", "8"]),
        (0.0, 5.2, ["0", "2", "4"]),
        (2.981, 3.042, ["3.00", "3.02", "3.04"]),
        (0.99, 1.006, ["0.990", "0.995", "1.000", "1.005"]),
    ],
)
def test_round_numbers(low: float, high: float, labels: list[str]) -> None:
    ticks = list(round_numbers(low, high))
    assert [label for _, label in ticks] == labels
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, _ in ticks)
