"""Pilots and what they promise, drawn: bits per byte against tokens, from the shortest pilot to the whole training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BETWEEN = 720, 260, 64, 40, 16, 64
STYLE = """
svg { --ink: #1c2430; --soft: #8b95a5; --line: #d9dee7; --paper: #ffffff; --chosen: #0f766e; --gate: #b45309; }
@media (prefers-color-scheme: dark) { svg { --ink: #e8ecf2; --soft: #7a8596; --line: #313a48; --paper: #12161d;
  --chosen: #2dd4bf; --gate: #f59e0b; } }
text { font: 13px system-ui, sans-serif; fill: var(--ink); } .small { fill: var(--soft); font-size: 12px; }
.axis { stroke: var(--line); } .gate { stroke: var(--gate); stroke-dasharray: 5 4; fill: none; }
.band { fill: var(--chosen); opacity: .18; } .law { stroke: var(--chosen); stroke-width: 2; fill: none; }
.arm { stroke: var(--line); fill: none; } .other { fill: var(--soft); } .point { fill: var(--chosen); }
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
    height = 2 * (TOP + HEIGHT) + BETWEEN
    across = scale((math.log(lengths[0]), math.log(lengths[-1])), (LEFT, WIDTH - RIGHT))
    panels = []
    for number, (part, line) in enumerate(lines.items()):
        limit = base[part] * (1.0 + allowed) if part == "general" else base[part]
        named = "the gate" if part == "general" else "the base"
        panels.append(panel(part, points, lengths, line, chosen, (named, limit), across, number * (HEIGHT + BETWEEN)))
    told = f"{chosen['domain']:.0%} domain text at a rate of {chosen['learning_rate']:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>Pilots and their law: {escape(told)}</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>{"".join(panels)}</svg>\n'
    )


def panel(
    part: str,
    points: Sequence[Mapping[str, Any]],
    lengths: Sequence[float],
    line: Sequence[Sequence[float]],
    chosen: Mapping[str, float],
    limit: tuple[str, float],
    across: Scale,
    top: float,
) -> str:
    """One part: the others' points in grey, joined by arm; the chosen one's in colour, with its law."""
    seen = [point["bits"][part] for point in points]
    values = [*seen, limit[1], *(bits for bounds in line for bits in bounds)]
    least, most = min(values), max(values)
    room = 0.05 * (most - least or 1.0)
    up = scale((least - room, most + room), (top + TOP + HEIGHT, top + TOP))
    xs = [across(math.log(length)) for length in lengths]
    drawn = [f'<text x="{LEFT}" y="{top + TOP - 14}">{part.capitalize()} text, bits per byte</text>']
    for bits in (least, (least + most) / 2, most):
        drawn.append(f'<path class="axis" d="M{LEFT} {up(bits):.1f}H{WIDTH - RIGHT}"/>')
        drawn.append(f'<text class="small" x="{LEFT - 8}" y="{up(bits) + 4:.1f}" text-anchor="end">{bits:.3f}</text>')
    for place, anchor in ((0, "start"), (-1, "end")):
        words = f"{lengths[place]:,.0f} tokens"
        y = top + TOP + HEIGHT + 18
        drawn.append(f'<text class="small" x="{xs[place]:.1f}" y="{y}" text-anchor="{anchor}">{words}</text>')
    drawn.append(f'<path class="gate" d="M{LEFT} {up(limit[1]):.1f}H{WIDTH - RIGHT}"/>')
    drawn.append(
        f'<text class="small" x="{WIDTH - RIGHT}" y="{up(limit[1]) - 5:.1f}" text-anchor="end">{limit[0]}</text>'
    )
    above = [(x, up(bounds[2])) for x, bounds in zip(xs, line, strict=True)]
    below = [(x, up(bounds[1])) for x, bounds in zip(xs, line, strict=True)]
    drawn.append(f'<path class="band" d="{path([*above, *reversed(below)])}Z"/>')
    drawn.append(f'<path class="law" d="{path([(x, up(b[0])) for x, b in zip(xs, line, strict=True)])}"/>')
    arms: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for point in points:
        place_of = (across(math.log(point["tokens"])), up(point["bits"][part]))
        arms.setdefault((point["domain"], point["learning_rate"]), []).append(place_of)
    for arm, places in arms.items():
        own = arm == (chosen["domain"], chosen["learning_rate"])
        name = f"{arm[0]:.0%} domain text, rate {arm[1]:g}"
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if own else 3}"/>' for x, y in places)
        joined = "" if own else f'<path class="arm" d="{path(places)}"/>'
        drawn.append(f'<g class="{"point" if own else "other"}"><title>{name}</title>{joined}{dots}</g>')
    return "".join(drawn)


def scale(of: tuple[float, float], to: tuple[float, float]) -> Scale:
    """The straight line that takes one stretch to another."""
    slope = (to[1] - to[0]) / (of[1] - of[0] or 1.0)
    return lambda value: to[0] + slope * (value - of[0])


def path(places: Sequence[tuple[float, float]]) -> str:
    """The line through places."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
