"""The pilots' page: bits per byte against tokens from the shortest pilot to the whole training, and every arm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.artifacts import PARTS
from domain.page.charts import Series, line_chart
from domain.page.page import PageHeader, render
from domain.units import amount

ArmKey = tuple[float, float]  # share of domain text, learning rate


def page(choice: Mapping[str, Any], header: PageHeader) -> str:
    """One self-contained HTML page from the content of ``choice.json``."""
    charts = [(f"{part.capitalize()} text, bits per UTF-8 byte", chart(choice, part)) for part in PARTS]
    rows = [row(arm, chosen=key(arm) == key(choice["chosen"])) for arm in choice["arms"]]
    return render(
        Path(__file__).with_name("page.html"), header,
        choice=choice, charts=charts, rows=rows, allowed=choice["general_loss"],
    )  # fmt: skip


def chart(choice: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Every pilot's score on one part, joined by arm; the chosen arm in colour with its law, interval and limit."""
    chosen, curve = key(choice["chosen"]), choice["curve"]
    scores: dict[ArmKey, list[tuple[float, float]]] = {}
    for point in choice["points"]:
        scores.setdefault(key(point), []).append((point["tokens"], point["bits"][part]))
    own = scores.pop(chosen)
    bounds = list(zip(curve["tokens"], curve["bits"][part], strict=True))
    series = [Series(name=name(arm), points=points, style="other", dots=True) for arm, points in sorted(scores.items())]
    series += [
        Series(name="law", points=[(tokens, median) for tokens, (median, _, _) in bounds], style="chosen"),
        Series(name=name(chosen), points=own, style="chosen", dots=True, line=False),
    ]
    base, allowed = choice["base"][part], choice["general_loss"]
    limit = ("the base", base) if part == "domain" else (f"the gate, +{100 * allowed:g}%", base * (1.0 + allowed))
    lengths = [*sorted({point["tokens"] for point in choice["points"]}), choice["tokens"]]
    return line_chart(
        series, logarithmic=True, ticks=[(length, amount(length)) for length in lengths], limit=limit,
        band=[(tokens, low, high) for tokens, (_, low, high) in bounds],
    )  # fmt: skip


def row(arm: Mapping[str, Any], *, chosen: bool) -> list[str]:
    """An arm of the table."""
    scores = (f"{middle:.3f} [{low:.3f}, {high:.3f}]" for middle, low, high in (arm["bits"][part] for part in PARTS))
    change = f"{arm['general_change'][0]:+.1%}"
    return [name(key(arm)) + (" (chosen)" if chosen else ""), *scores, change, "holds" if arm["holds"] else "fails"]


def key(arm: Mapping[str, Any]) -> ArmKey:
    """The arm that a point belongs to."""
    return arm["domain"], arm["learning_rate"]


def name(arm: ArmKey) -> str:
    """``90% domain text, rate 0.003``."""
    return f"{arm[0]:.0%} domain text, rate {arm[1]:g}"
