"""Pilots and what they promise, drawn: bits per byte against tokens, from the shortest pilot to the whole training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from domain.units import amount

WIDTH, HEIGHT, LEFT, RIGHT = 760, 240, 64, 28
HEAD, TOP, FOOT = 92, 34, 62  # above all panels; above and below each
STYLE = """
svg { --ink: #1c2430; --soft: #667085; --line: #e4e7ec; --paper: #ffffff; --other: #b3bccb; --chosen: #0f766e;
  --gate: #b45309; }
@media (prefers-color-scheme: dark) { svg { --ink: #e8ecf2; --soft: #98a2b3; --line: #29313d; --paper: #12161d;
  --other: #566174; --chosen: #2dd4bf; --gate: #f59e0b; } }
text { font: 13px system-ui, sans-serif; fill: var(--ink); } .head { font-size: 17px; font-weight: 600; }
.part { font-weight: 600; }
.told { paint-order: stroke; stroke: var(--paper); stroke-width: 4px;
  stroke-linejoin: round; }
 .small { fill: var(--soft); font-size: 12px; } .limit { fill: var(--gate); font-size: 12px; }
.axis { stroke: var(--line); } .gate { stroke: var(--gate); stroke-dasharray: 5 4; fill: none; }
.band { fill: var(--chosen); opacity: .16; } .law { stroke: var(--chosen); stroke-width: 2; fill: none; }
.other circle { fill: var(--other); } .other path { stroke: var(--other); fill: none; } .point { fill: var(--chosen); }
"""

Scale = Callable[[float], float]


def curve(
    points: Sequence[Mapping[str, Any]],
    lengths: Sequence[float],
    lines: Mapping[str, Sequence[Sequence[float]]],
    chosen: Mapping[str, float],
    base: Mapping[str, float],
    allowed: float,
) -> str:
    """One SVG, a panel for each part: every pilot, the chosen arm's law with its band, the base and what is allowed.

    ``lines`` hold median, low and high bits per byte at ``lengths`` (tokens), by part.
    """
    each = TOP + HEIGHT + FOOT
    height = HEAD + len(lines) * each
    across = scale((math.log(lengths[0]), math.log(lengths[-1])), (LEFT, WIDTH - RIGHT))
    ticks = [(across(math.log(length)), amount(length)) for length in lengths_of(points, lengths[-1])]
    xs = [across(math.log(length)) for length in lengths]
    drawn: list[str] = []
    for number, (part, line) in enumerate(lines.items()):
        limit = (f"+{100 * allowed:g}%, the gate", base[part] * (1.0 + allowed))
        seen = [(key(point), across(math.log(point["tokens"])), point["bits"][part]) for point in points]
        named = limit if part == "general" else ("the base", base[part])
        drawn += panel(f"{part.capitalize()} text", seen, xs, line, key(chosen), named, ticks, HEAD + number * each)
    told = f"{chosen['domain']:.0%} domain text at a peak rate of {chosen['learning_rate']:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>Pilots and their law: {escape(told)}</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>'
        f'<text class="head" x="{LEFT}" y="34">Chosen: {escape(told)}</text>{legend(60)}{"".join(drawn)}</svg>\n'
    )


def legend(y: float) -> str:
    """What the colours mean, in a line."""
    return (
        f'<circle class="point" cx="{LEFT + 4}" cy="{y}" r="4"/><text class="small" x="{LEFT + 16}" y="{y + 4}">its'
        f' pilots</text><path class="band" d="M{LEFT + 96} {y - 7}h26v14h-26Z"/>'
        f'<path class="law" d="M{LEFT + 96} {y}h26"/>'
        f'<text class="small" x="{LEFT + 130}" y="{y + 4}">what they let expect, with 95%</text>'
        f'<g class="other"><path d="M{LEFT + 336} {y}h26"/><circle cx="{LEFT + 349}" cy="{y}" r="3"/></g>'
        f'<text class="small" x="{LEFT + 370}" y="{y + 4}">pilots of other shares and rates</text>'
    )


def panel(
    name: str,
    seen: Sequence[tuple[tuple[float, float], float, float]],
    xs: Sequence[float],
    line: Sequence[Sequence[float]],
    chosen: tuple[float, float],
    limit: tuple[str, float],
    ticks: Sequence[tuple[float, str]],
    top: float,
) -> Iterator[str]:
    """One part: the others' points (arm, x, bits) in grey, joined by arm; the chosen one's in colour, with its law."""
    values = [*(bits for _, _, bits in seen), *(bits for bounds in line for bits in bounds)]
    least, most = min(values), max(values)
    far = not least - (most - least) / 2 <= limit[1] <= most + (most - least) / 2
    if not far:  # else it would press all that is to be seen together
        least, most = min(least, limit[1]), max(most, limit[1])
    room = 0.06 * (most - least or 1.0)
    low, high, right = top + TOP + HEIGHT, top + TOP, WIDTH - RIGHT
    up = scale((least - room, most + room), (low, high))
    yield f'<text class="part" x="{LEFT}" y="{high - 12}">{name}, bits per UTF-8 byte</text>'
    for bits, told in rounded(least - room, most + room):
        yield f'<path class="axis" d="M{LEFT} {up(bits):.1f}H{right}"/>'
        yield f'<text class="small" x="{LEFT - 8}" y="{up(bits) + 4:.1f}" text-anchor="end">{told}</text>'
    for x, told in ticks:
        yield f'<path class="axis" d="M{x:.1f} {low}v5"/>'
        yield f'<text class="small" x="{x:.1f}" y="{low + 19}" text-anchor="middle">{told}</text>'
    words = "tokens of training (log scale)"
    yield f'<text class="small" x="{(LEFT + right) / 2}" y="{low + 37}" text-anchor="middle">{words}</text>'
    place = (high - 12) if far else up(limit[1]) - 5
    arrow = "" if not far else " ↑" if limit[1] > most else " ↓"
    if not far:
        yield f'<path class="gate" d="M{LEFT} {up(limit[1]):.1f}H{right}"/>'
    yield f'<text class="limit" x="{right}" y="{place:.1f}" text-anchor="end">{limit[0]}: {limit[1]:.3f}{arrow}</text>'
    arms: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for arm, x, bits in seen:
        arms.setdefault(arm, []).append((x, up(bits)))
    for arm, places in sorted(arms.items(), key=lambda entry: entry[0] == chosen):
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if arm == chosen else 3}"/>' for x, y in places)
        if arm == chosen:
            above = [(x, up(bounds[2])) for x, bounds in zip(xs, line, strict=True)]
            below = [(x, up(bounds[1])) for x, bounds in zip(xs, line, strict=True)]
            yield f'<path class="band" d="{path([*above, *reversed(below)])}Z"/>'
            yield f'<path class="law" d="{path([(x, up(b[0])) for x, b in zip(xs, line, strict=True)])}"/>'
        joined = "" if arm == chosen else f'<path d="{path(places)}"/>'
        told = f"<title>{arm[0]:.0%} domain text, rate {arm[1]:g}</title>"
        yield f'<g class="{"point" if arm == chosen else "other"}">{told}{joined}{dots}</g>'
    middle, lower, upper = line[-1]
    yield (
        f'<text class="told" x="{right - 6}" y="{up(upper) - 9:.1f}" text-anchor="end">{middle:.3f} '
        f'<tspan class="small">[{lower:.3f}, {upper:.3f}]</tspan></text>'
    )


def key(of: Mapping[str, Any]) -> tuple[float, float]:
    """The arm that a point belongs to."""
    return of["domain"], of["learning_rate"]


def lengths_of(points: Sequence[Mapping[str, Any]], whole: float) -> list[float]:
    """The lengths of the pilots and that of the whole training."""
    return [*sorted({point["tokens"] for point in points}), whole]


def rounded(low: float, high: float) -> Iterator[tuple[float, str]]:
    """Two to seven round numbers between two, as they are written."""
    step = 10.0 ** math.floor(math.log10(high - low))
    step *= next(times for times in (2.0, 1.0, 0.5, 0.2) if (high - low) / (step * times) >= 2.5)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step, f"{number * step:.{places}f}"


def scale(of: tuple[float, float], to: tuple[float, float]) -> Scale:
    """The straight line that takes one stretch to another."""
    slope = (to[1] - to[0]) / (of[1] - of[0] or 1.0)
    return lambda value: to[0] + slope * (value - of[0])


def path(places: Sequence[tuple[float, float]]) -> str:
    """The line through places."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
