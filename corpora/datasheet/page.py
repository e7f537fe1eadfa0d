"""The data sheet as one HTML page: escaped throughout, without script, drawn as inline SVG, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.page.page import environment

if TYPE_CHECKING:
    from jinja2 import Template

MOST = 50  # rows of a table on the page; datasheet.json has all
WIDTH, HEIGHT, LEFT, RIGHT = 640.0, 180.0, 128.0, 84.0  # of plots, in SVG units


def page(sheet: dict[str, Any]) -> str:
    """The page; the same sheet gives the same bytes."""
    return str(template().render(sheet=sheet, most=MOST))


def template() -> Template:
    """The template, with what it calls."""
    made = environment(Path(__file__).parent).get_template("page.html")
    made.globals.update(bars=bars, columns=columns, merged=merged)
    return made


def bars(rows: list[dict[str, Any]], name: str, number: str) -> list[dict[str, Any]]:
    """Bars from zero, one below the other: {name, value, y, length}, lengths in SVG units."""
    most = max((row[number] for row in rows), default=0) or 1
    room = WIDTH - LEFT - RIGHT
    return [
        {"name": row[name], "value": row[number], "y": 30 * place, "length": round(room * row[number] / most, 1)}
        for place, row in enumerate(rows)
    ]


def columns(rows: list[dict[str, Any]], *numbers: str) -> list[dict[str, Any]]:
    """Columns side by side, a group for each row: {x, width, y, height, middle of the group, its row, value}.

    ``labelled`` are the first columns of at most 12 groups, so that the labels below them do not touch.
    """
    most = max((row.get(number) or 0 for row in rows for number in numbers), default=0) or 1
    step, every = WIDTH / max(1, len(rows)), -(-len(rows) // 12)
    width = min(40.0, 0.8 * step) / len(numbers)
    drawn = []
    for place, row in enumerate(rows):
        middle = step * (place + 0.5)
        for index, number in enumerate(numbers):
            height = HEIGHT * (row.get(number) or 0) / most
            left = middle + width * (index - len(numbers) / 2)
            drawn.append(
                {
                    "series": index, "x": round(left, 1), "width": round(width, 1), "y": round(HEIGHT - height, 1),
                    "height": round(height, 1), "middle": round(middle, 1), "row": row, "value": row.get(number) or 0,
                    "labelled": index == 0 and place % every == 0,
                }
            )  # fmt: skip
    return drawn


def merged(rows: list[dict[str, Any]], key: str) -> list[str]:
    """The names of all counts under a key, most frequent first: the columns of a table."""
    totals: dict[str, int] = {}
    for row in rows:
        for name, number in row[key].items():
            totals[name] = totals.get(name, 0) + number
    return sorted(totals, key=lambda name: (-totals[name], name))
