"""Geometry of charts: x in percent of the width, so that text keeps its size on any screen, y in pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEIGHT = 200.0  # of the plotting area of columns and lines, in pixels
LEFT, RIGHT = 9.0, 97.0  # of the plotting area of lines, in percent
BAR_LEFT, BAR_RIGHT = 24.0, 80.0  # of bars, between their labels and their values
LABELS = 8  # labels of columns at most, so that they do not touch on a phone
POINTS = 200  # points that a line is drawn through at most

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line through ``points``, with ``style`` its CSS class; ``dots`` marks every point, ``line`` joins them."""

    name: str
    points: Sequence[Point]
    style: str = ""
    dots: bool = False
    line: bool = True


def bars(values: Mapping[str, float]) -> list[dict[str, Any]]:
    """Bars from zero, one below the other: name, value, y in pixels, x and width in percent."""
    largest = max(values.values(), default=0) or 1
    return [
        {
            "name": name, "value": value, "y": 30 * place, "x": BAR_LEFT,
            "width": round((BAR_RIGHT - BAR_LEFT) * value / largest, 2),
        }
        for place, (name, value) in enumerate(values.items())
    ]  # fmt: skip


def columns(rows: Sequence[Mapping[str, Any]], *numbers: str) -> list[dict[str, Any]]:
    """Columns side by side, a group for each row: series, x, width and middle in percent, y and height in pixels.

    ``labelled`` are the first columns of every n-th group from the first on, the last one's too where there is room.
    """
    largest = max((row.get(number) or 0 for row in rows for number in numbers), default=0) or 1
    step, every = 100.0 / max(1, len(rows)), -(-len(rows) // LABELS)
    width = min(6.0, 0.8 * step) / len(numbers)
    drawn = []
    for place, row in enumerate(rows):
        middle = step * (place + 0.5)
        for index, number in enumerate(numbers):
            height = HEIGHT * (row.get(number) or 0) / largest
            drawn.append(
                {
                    "series": index, "x": round(middle + width * (index - len(numbers) / 2), 2),
                    "width": round(width, 2), "y": round(HEIGHT - height, 1), "height": round(height, 1),
                    "middle": round(middle, 2), "row": row, "value": row.get(number) or 0,
                    "labelled": index == 0 and place % every == 0,
                }
            )  # fmt: skip
    return drawn


def line_chart(
    series: Sequence[Series],
    *,
    logarithmic: bool = False,
    start: float | None = None,
    ticks: Sequence[tuple[float, str]] = (),
    band: Sequence[tuple[float, float, float]] = (),
    limit: tuple[str, float] | None = None,
) -> dict[str, Any]:
    """Lines, dots and axes for ``lines`` in ``macros.html``.

    ``band`` is x, low and high of an interval. ``limit`` is a label and a level: where it lies far from the data it
    is named at the edge rather than drawn, since it would flatten all else. Without ``ticks`` those of x are round
    numbers. The x axis begins at ``start``, or else at the first point.
    """
    xs = [x for each in series for x, _ in each.points] + [x for x, _, _ in band]
    xs += [] if start is None else [start]
    ys = [y for each in series for _, y in each.points] + [y for _, *bounds in band for y in bounds]
    least, most = min(ys), max(ys)
    reach = (most - least) / 2
    far = limit is not None and not least - reach <= limit[1] <= most + reach
    if limit is not None and not far:
        least, most = min(least, limit[1]), max(most, limit[1])
    room = 0.06 * (most - least or 1.0)
    down = scale((least - room, most + room), (HEIGHT, 0.0))
    turned: Callable[[float], float] = math.log if logarithmic else float
    along = scale((turned(min(xs)), turned(max(xs))), (LEFT, RIGHT))

    def place(x: float, y: float) -> Point:
        return round(along(turned(x)), 2), round(down(y), 1)

    above, below = [place(x, high) for x, _, high in band], [place(x, low) for x, low, _ in band]
    return {
        "across": [(round(along(turned(x)), 2), label) for x, label in ticks or round_numbers(min(xs), max(xs))],
        "down": [(round(down(y), 1), label) for y, label in round_numbers(least - room, most + room)],
        "band": path([*above, *reversed(below)]) + "Z" if band else "",
        "lines": [
            {
                "name": each.name,
                "style": each.style,
                "dots": [place(x, y) for x, y in each.points] if each.dots else [],
                "path": path([place(x, y) for x, y in thinned(each.points)]) if each.line else "",
            }
            for each in series
        ],
        "limit": limit
        and {
            "label": f"{limit[0]} {limit[1]:.3f}" + ("" if not far else " ↑" if limit[1] > most else " ↓"),
            "y": None if far else round(down(limit[1]), 1),
        },
    }


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most ``POINTS`` points: means of as many neighbours as that takes."""
    size = -(-len(points) // POINTS)
    parts = [points[start : start + size] for start in range(0, len(points), size)] if points else []
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def round_numbers(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Two to seven round numbers between two, and how they are written."""
    if not low < high:
        yield low, f"{low:g}"
        return
    step = 10.0 ** math.floor(math.log10(high - low))
    step *= next(times for times in (2.0, 1.0, 0.5, 0.2) if (high - low) / (step * times) >= 2.5)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step, f"{number * step:,.{places}f}"


def scale(source: Point, target: Point) -> Callable[[float], float]:
    """The linear map from one range to another."""
    slope = (target[1] - target[0]) / (source[1] - source[0] or 1.0)
    return lambda value: target[0] + slope * (value - source[0])


def path(places: Sequence[Point]) -> str:
    """An SVG path through places."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
