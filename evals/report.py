"""The page a person reads: what each arm scored on held-out text, and how sure that is."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --line: #d9dee7; --paper: #ffffff;
  --base: #a3acba; --control: #6f8fb8; --adapted: #0f766e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #98a2b3; --line: #313a48; --paper: #12161d;
  --base: #5b6675; --control: #5f86b8; --adapted: #2dd4bf; } }
body { margin: 3rem auto; max-width: 46rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p { margin: .25rem 0 1rem; color: var(--soft); } svg { width: 100%; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); } svg .soft { fill: var(--soft); }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; color: var(--soft); }
"""
ARMS = (("base", "base"), ("control", "control: the same tokens, general text only"), ("adapted", "adapted"))
WIDTH, LEFT, BAR = 640, 270, 22


def page(scores: dict[str, Any]) -> str:
    """One self-contained HTML page of the scores; the same scores give the same bytes."""
    parts = "".join(section(part, score) for part, score in scores.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Scorecard</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        "<h1>Scorecard</h1><p>Bits per UTF-8 byte on held-out text that no model was trained on; lower is better. "
        "Intervals are 95%, drawn over clusters of near-duplicate documents.</p>"
        f"{parts}</body></html>\n"
    )


def section(part: str, score: dict[str, Any]) -> str:
    """One part: bars for the arms, the two changes, and a row for each source and year."""
    units = f"{score['documents']:,} documents in {score['units']:,} clusters, {score['bytes'] / 1e6:.2f} MB"
    changes = (
        f"Adapted against control {interval(score['change_from_control'], score['interval_from_control'])}; "
        f"against base {interval(score['change'], score['interval'])}."
    )
    rows = [(name, values) for key in ("sources", "years") for name, values in score[key].items()]
    table = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{values[arm]:.3f}</td>" for arm, _ in ARMS) + "</tr>"
        for name, values in rows
    )
    head = "".join(f"<th>{arm}</th>" for arm, _ in ARMS)
    return (
        f"<h2>{escape(part.capitalize())} text</h2><p>{units}. {changes}</p>{bars(part, score)}"
        f"<table><thead><tr><th>source or year</th>{head}</tr></thead><tbody>{table}</tbody></table>"
    )


def interval(change: float, bounds: list[float]) -> str:
    """A change in percent with its interval."""
    return f"<strong>{change:+.1%}</strong> [{bounds[0]:+.1%}, {bounds[1]:+.1%}]"


def bars(part: str, score: dict[str, Any]) -> str:
    """A bar for each arm, from zero, with its value."""
    most = max(score[arm] for arm, _ in ARMS)
    room = WIDTH - LEFT - 70
    drawn = []
    for row, (arm, words) in enumerate(ARMS):
        top, length = row * (BAR + 10), room * score[arm] / most
        drawn.append(
            f'<text class="soft" x="0" y="{top + 16}">{words}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3" fill="var(--{arm})"/>'
            f'<text x="{LEFT + length + 8:.1f}" y="{top + 16}">{score[arm]:.3f}</text>'
        )
    words = ", ".join(f"{arm} {score[arm]:.3f}" for arm, _ in ARMS)
    label = f"{part} text, bits per byte: {words}"
    height = len(ARMS) * (BAR + 10)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(drawn)}</svg>'
