"""The data sheet as one HTML page: escaped throughout, without script, drawn as inline SVG, nothing from elsewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from corpora.samples import plain

MOST = 50  # rows of a table on the page; datasheet.json has all
WIDTH, HEIGHT, LEFT, RIGHT = 640.0, 180.0, 128.0, 84.0  # of plots, in SVG units


def page(sheet: dict[str, Any]) -> str:
    """The page; the same sheet gives the same bytes."""
    return str(template().render(sheet=sheet, most=MOST))


@lru_cache(maxsize=1)
def template() -> Any:
    """The template, with what it calls. Every value is escaped: ids, names and texts are hostile."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=shown,
    )  # fmt: skip
    environment.filters |= {"count": count, "some": some, "size": size, "percent": percent}
    environment.globals |= {"bars": bars, "columns": columns, "merged": merged}
    return environment.get_template("page.html")


def shown(value: Any) -> Any:
    """Text without control characters; anything else as it is."""
    return plain(value) if type(value) is str and not value.isspace() else value


def count(number: int | None) -> str:
    """12,345; a dash for nothing."""
    return "–" if number is None else f"{number:,}"


def some(number: int, thing: str) -> str:
    """1 document, 2 documents."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def size(number: float | None) -> str:
    """Bytes with their unit: 1.2 MB."""
    if number is None:
        return "–"
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= value:
            return f"{number / value:.3g} {unit}" if number < 1000 * value else f"{number / value:,.0f} {unit}"
    return f"{number:.0f} B"


def percent(share: float | None) -> str:
    """12.3%; small shares keep two digits."""
    if share is None:
        return "–"
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.2g}" if share < 1e-4 else f"{share:.2%}"


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
