"""The page a person reads: what each arm scored on held-out text, and how sure that is."""

from __future__ import annotations

from html import escape
from typing import Any

from domain.release.vocabulary import weighed
from evals.statistics.bootstrap import FEW

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6778; --line: #d9dee7; --paper: #ffffff;
  --base: #a3acba; --control: #6f8fb8; --adapted: #0f766e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #a3adbd; --line: #313a48; --paper: #12161d;
  --base: #5b6675; --control: #5f86b8; --adapted: #2dd4bf; } }
body { margin: 3rem auto; max-width: 46rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 3rem 0 .25rem; }
p { margin: .25rem 0 1rem; color: var(--soft); } svg { width: 100%; height: auto; display: block; margin: 1rem 0; }
svg text { font: 14px system-ui, sans-serif; fill: var(--ink); }
table { border-collapse: collapse; width: 100%; margin: 1.25rem 0 0; font-variant-numeric: tabular-nums;
  font-size: .92rem; }
th, td { text-align: right; padding: .3rem 0 .3rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
"""
ARMS = ("base", "control", "adapted")
CHANGES = (("control", "change_from_control", "interval_from_control"), ("base", "change", "interval"))
WIDTH, LEFT, BAR = 640, 72, 22
INTRODUCTION = (
    "Bits per UTF-8 byte on held-out text that no model here was trained on; lower is better. The adapted model and "
    "the control both continue from the base and read as many tokens; the control reads general text only. Intervals "
    "are 95%, by a bootstrap over clusters of near-duplicate documents."
)


def page(scores: dict[str, Any], fitted: dict[str, Any] | None = None) -> str:
    """One self-contained HTML page of the scores and the tokenizer; the same content gives the same bytes."""
    parts = "".join(section(part, score) for part, score in scores.items()) + (vocabulary(fitted) if fitted else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Scorecard</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>Scorecard</h1><p>{INTRODUCTION}</p>{parts}</body></html>\n"
    )


def section(part: str, score: dict[str, Any]) -> str:
    """One part: bars for the arms, the two changes, and a row for each source and year."""
    units = f"{score['documents']:,} documents in {score['units']:,} clusters, {score['bytes'] / 1e6:.2f} MB"
    few = f" Fewer than {FEW} clusters: shown, not judged." if score["units"] < FEW else ""
    changes = [
        [f"adapted against {arm}", f"<strong>{score[change]:+.1%}</strong>", interval(score[bounds])]
        for arm, change, bounds in CHANGES
        if arm in score
    ]
    return (
        f"<h2>{escape(part.capitalize())} text</h2><p>{units}.{few}</p>{bars(part, score)}"
        f"{table(['change in bits per byte', 'relative', '95% interval'], changes)}"
        f"{groups('source', score)}{groups('year', score)}"
    )


def vocabulary(fitted: dict[str, Any]) -> str:
    """The tokenizer beside others, and the verdict on an extension with its pilots."""
    measures, verdict = fitted["measures"], fitted["verdict"]
    rows = []
    for name, each in {"this tokenizer": measures, **measures.get("compared", {})}.items():
        ratios = [each["bytes_per_token"].get(part) for part in ("domain", "general")]
        rows.append([escape(name), f"{each['size']:,}", *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in weighed(verdict)) if verdict else ""
    return (
        "<h2>Tokenizer</h2><p>Bytes per token on validation text; higher is better.</p>"
        f"{table(['tokenizer', 'pieces', 'domain', 'general'], rows)}{f'<ul>{told}</ul>' if told else ''}"
    )


def groups(kind: str, score: dict[str, Any]) -> str:
    """Scores by source or by year, where there are any; without intervals, so they show and claim nothing."""
    rows = [
        [escape(name), f"{of['documents']:,}", f"{of['bytes'] / 1e3:,.0f}", *(f"{of[arm]:.3f}" for arm in scored(of))]
        for name, of in score[f"{kind}s"].items()
    ]
    return table([kind, "documents", "kB", *scored(score)], rows) if rows else ""


def scored(score: dict[str, Any]) -> list[str]:
    """The arms that have a score, in the order in which they are shown."""
    return [arm for arm in ARMS if arm in score]


def table(head: list[str], rows: list[list[str]]) -> str:
    """An HTML table; cells are HTML already."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead><tbody>{body}</tbody></table>"


def interval(bounds: list[float]) -> str:
    """An interval in percent."""
    return f"{bounds[0]:+.1%} to {bounds[1]:+.1%}"


def bars(part: str, score: dict[str, Any]) -> str:
    """A bar for each arm that was scored, from zero, with its value."""
    arms = scored(score)
    most = max(score[arm] for arm in arms) or 1.0
    room = WIDTH - LEFT - 60
    drawn = []
    for row, arm in enumerate(arms):
        top, length = row * (BAR + 8), room * score[arm] / most
        drawn.append(
            f'<text x="0" y="{top + 16}">{arm}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3" fill="var(--{arm})"/>'
            f'<text x="{LEFT + length + 8:.1f}" y="{top + 16}">{score[arm]:.3f}</text>'
        )
    words = ", ".join(f"{arm} {score[arm]:.3f}" for arm in arms)
    label = escape(f"{part} text, bits per byte: {words}")
    return f'<svg viewBox="0 0 {WIDTH} {len(arms) * (BAR + 8)}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
