"""The scorecard page: scores on held-out text, how sure they are, loss curves, the tokenizer, and the decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.artifacts import PARTS
from domain.page.charts import Series, line_chart, round_numbers
from domain.page.page import PageHeader, render
from domain.release.vocabulary import measure_rows
from domain.units import amount, size
from evals.scorecard import GroupScore, ScorecardContent, ScoredPart
from evals.statistics.bootstrap import MIN_UNITS

Metrics = Sequence[Mapping[str, Any]]  # the lines of a training's metrics log


def page(scores: ScorecardContent, header: PageHeader, training: Mapping[str, Metrics] | None = None) -> str:
    """One self-contained HTML page; ``training`` holds the metrics log by model, for the loss curves."""
    logs = {model: metrics for model, metrics in (training or {}).items() if metrics}
    verdict = scores.tokenizer.verdict
    return render(
        Path(__file__).with_name("scorecard.html"), header,
        scores=scores, min_units=MIN_UNITS, written=three_places, changes=changes, group_rows=group_rows,
        curves=list(loss_curves(logs)), models=[(model, model) for model in logs],
        tokenizers=measure_rows(scores.tokenizer.measures), verdict=verdict.sentences() if verdict else [],
    )  # fmt: skip


def three_places(bits: float) -> str:
    """Bits per byte as they are shown."""
    return f"{bits:.3f}"


def changes(score: ScoredPart) -> list[tuple[str, str, str]]:
    """The adapted model against each other one."""
    return [
        (f"adapted against {model}", f"{change.value:+.1%}", f"{change.low:+.1%} to {change.high:+.1%}")
        for model, change in sorted(score.changes.items(), reverse=True)
    ]


def group_rows(groups: Mapping[str, GroupScore], models: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Scores by source or by year, without intervals: they show where to look and prove nothing."""
    return [
        (name, f"{group.documents:,}", size(group.bytes), *(three_places(group.bits[model]) for model in models))
        for name, group in groups.items()
    ]


def loss_curves(training: Mapping[str, Metrics]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A chart of the training loss, and one of the validation loss for each part, with a line for each model."""
    charts = {"loss": "Training loss, nats per token"}
    charts |= {f"validation_{part}": f"Validation loss, {part} text, bits per byte" for part in PARTS}
    for key, label in charts.items():
        series = [
            Series(name=model, points=points, style=model, dots=key != "loss")
            for model, metrics in training.items()
            if (points := [(row["tokens"], row[key]) for row in metrics if row.get(key) is not None])
        ]
        if series:
            furthest = max(tokens for each in series for tokens, _ in each.points)
            ticks = [(tokens, amount(tokens)) for tokens, _ in round_numbers(0, furthest)]
            yield label, line_chart(series, start=0, ticks=ticks)
