"""The page a person reads: what each arm scored on held-out text, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from domain.page.page import stylesheet
from domain.release.decision import TokenizerReport
from domain.release.vocabulary import measure_rows
from evals.scorecard import GroupScore, ScorecardContent, ScoredPart
from evals.statistics.bootstrap import FEW

WIDTH, LEFT, BAR = 640, 72, 22
INTRODUCTION = (
    "Bits per UTF-8 byte on held-out text that no model here was trained on; lower is better. The adapted model and "
    "the control both continue from the base and read as many tokens; the control reads general text only. Intervals "
    "are 95%, by a bootstrap over clusters of near-duplicate documents."
)


def page(scores: ScorecardContent) -> str:
    """One self-contained HTML page of the scores and the tokenizer; the same content gives the same bytes."""
    parts = "".join(section(part, score) for part, score in scores.parts.items()) + vocabulary(scores.tokenizer)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Scorecard</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{stylesheet()}</style>'
        f"</head><body><h1>Scorecard</h1><p>{INTRODUCTION}</p>{parts}</body></html>\n"
    )


def section(part: str, score: ScoredPart) -> str:
    """One part: bars for the arms, the two changes, and a row for each source and year."""
    units = f"{score.documents:,} documents in {score.units:,} clusters, {score.bytes / 1e6:.2f} MB"
    few = f" Fewer than {FEW} clusters: shown, not judged." if score.units < FEW else ""
    changes = [
        [
            f"adapted against {model}",
            f"<strong>{change.value:+.1%}</strong>",
            f"{change.low:+.1%} to {change.high:+.1%}",
        ]
        for model, change in sorted(score.changes.items(), reverse=True)
    ]
    return (
        f"<h2>{escape(part.capitalize())} text</h2><p>{units}.{few}</p>{bars(part, score)}"
        f"{table(['change in bits per byte', 'relative', '95% interval'], changes)}"
        f"{groups('source', score.sources, score.bits)}{groups('year', score.years, score.bits)}"
    )


def vocabulary(report: TokenizerReport) -> str:
    """The tokenizer beside others, and the verdict on an extension with its pilots."""
    rows = [[escape(name), *values] for name, *values in measure_rows(report.measures)]
    sentences = report.verdict.sentences() if report.verdict else []
    verdict = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return (
        "<h2>Tokenizer</h2><p>Bytes per token on validation text; higher is better.</p>"
        f"{table(['tokenizer', 'pieces', 'domain', 'general'], rows)}{f'<ul>{verdict}</ul>' if verdict else ''}"
    )


def groups(kind: str, scores: Mapping[str, GroupScore], models: Mapping[str, float]) -> str:
    """Scores by source or by year, where there are any; without intervals, so they show and claim nothing."""
    rows = [
        [escape(name), f"{of.documents:,}", f"{of.bytes / 1e3:,.0f}", *(f"{of.bits[model]:.3f}" for model in models)]
        for name, of in scores.items()
    ]
    return table([kind, "documents", "kB", *map(escape, models)], rows) if rows else ""


def table(head: list[str], rows: list[list[str]]) -> str:
    """An HTML table; cells are HTML already."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    head_row = "".join(f"<th>{name}</th>" for name in head)
    return f'<div class="wide"><table><thead><tr>{head_row}</tr></thead><tbody>{body}</tbody></table></div>'


def bars(part: str, score: ScoredPart) -> str:
    """A bar for each arm that was scored, from zero, with its value."""
    arms = list(score.bits)
    most = max(score.bits.values()) or 1.0
    room = WIDTH - LEFT - 60
    drawn = []
    for row, arm in enumerate(arms):
        top, length = row * (BAR + 8), room * score.bits[arm] / most
        drawn.append(
            f'<text x="0" y="{top + 16}">{escape(arm)}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3" fill="var(--{arm}, var(--soft))"/>'
            f'<text x="{LEFT + length + 8:.1f}" y="{top + 16}">{score.bits[arm]:.3f}</text>'
        )
    words = ", ".join(f"{arm} {score.bits[arm]:.3f}" for arm in arms)
    label = escape(f"{part} text, bits per byte: {words}")
    return f'<svg viewBox="0 0 {WIDTH} {len(arms) * (BAR + 8)}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
