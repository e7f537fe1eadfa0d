"""The data sheet as one HTML page: escaped throughout, without scripts or external resources, with inline SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from domain.page.page import PageHeader, render
from domain.units import amount, size

ROWS = 50  # of a table on the page; datasheet.json has all
YEARS = 60  # columns of the chart by year

WRITTEN: dict[str, Callable[[Any], str]] = {
    "bytes": lambda row: size(row["from"]),
    "count": lambda number: f"{number:,}",
    "size": size,
    "stage": lambda stage: "all records" if stage == "found" else stage,
    "tokens": lambda row: amount(row["from"]),
    "year": lambda row: row["year"],
}  # how the charts label a row or a number


def page(sheet: dict[str, Any], header: PageHeader) -> str:
    """The page; the same sheet and header give the same bytes."""
    steps = {WRITTEN["stage"](row["stage"]): row["bytes"] for row in sheet["steps"]}
    return render(
        Path(__file__).with_name("page.html"), header,
        sheet=sheet, steps=steps, years=dated(sheet["years"]), most=ROWS, merged=merged, written=WRITTEN,
    )  # fmt: skip


def dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for every year from the first to the last, empty ones too, so that equal steps are equal times."""
    by_year = {int(row["year"]): row for row in rows if row["year"].isdecimal()}
    if not by_year:
        return []
    last = max(by_year)
    empty = {"documents": 0, "bytes": 0, "bytes_kept": 0}
    return [
        by_year.get(year, {"year": f"{year:04}", **empty})
        for year in range(max(min(by_year), last - YEARS + 1), last + 1)
    ]


def merged(rows: list[dict[str, Any]], key: str) -> list[str]:
    """The names of all counts under a key, most frequent first: the columns of a table."""
    totals: dict[str, int] = {}
    for row in rows:
        for name, number in row[key].items():
            totals[name] = totals.get(name, 0) + number
    return sorted(totals, key=lambda name: (-totals[name], name))
