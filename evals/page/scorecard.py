"""The scorecard page: scores on held-out text, how sure they are, loss curves, the tokenizer, and the decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.artifacts import PARTS
from domain.page.charts import Series, line_chart, round_numbers
from domain.page.page import PageHeader, render
from domain.release.scores import OverlapReport, Score
from domain.release.vocabulary import measure_rows
from domain.units import amount, percent, size
from evals.scorecard import GroupScore, ScorecardContent, ScoredPart
from evals.statistics.bootstrap import MIN_UNITS

COMPARED = ("control", "base")  # with the adapted model
Metrics = Sequence[Mapping[str, Any]]  # the lines of a training's metrics log


def page(scores: ScorecardContent, header: PageHeader, training: Mapping[str, Metrics] | None = None) -> str:
    """One self-contained HTML page; ``training`` holds the metrics log by model, for the loss curves."""
    logs = {model: metrics for model, metrics in (training or {}).items() if metrics}
    verdict = scores.tokenizer.verdict
    return render(
        Path(__file__).with_name("scorecard.html"), header,
        scores=scores, min_units=MIN_UNITS, written=three_places, changes=changes, group_rows=group_rows,
        overlap_rows=overlap_rows, new_text_rows=new_text_rows,
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


def overlap_rows(overlap: OverlapReport) -> list[tuple[str, ...]]:
    """How much of each source's test documents stands in training text."""
    total = {"all": overlap.total} if len(overlap.sources) > 1 else {}
    return [
        (name, f"{of.documents:,}", f"{of.ngrams:,}", f"{of.in_training:,}", percent(of.share))
        for name, of in {**overlap.sources, **total}.items()
    ]


def new_text_rows(score: ScoredPart) -> list[tuple[str, ...]]:
    """The scores over all documents, and over those of which little or nothing stands in training text."""
    scores: list[tuple[str, Score | None]] = [("all", score)]
    for each in score.overlap.new_text:
        scores.append((f"at most {each.max_share:.0%}" if each.max_share else "none", each.score))
    width = 3 + len(score.bits) + len(score.changes)
    return [
        (
            share, f"{of.documents:,}", f"{of.units:,}", size(of.bytes), *(map(three_places, of.bits.values())),
            *(of.changes[model].percent() for model in COMPARED),
        )
        if of
        else (share, "0", *["–"] * (width - 1))
        for share, of in scores
    ]  # fmt: skip


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
