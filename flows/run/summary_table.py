"""The result of a run: a table for a terminal, or one JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote

from domain.release.scores import PartScore
from domain.units import relative
from flows.adapt import summary
from flows.run.actuals import comparison
from flows.run.record import RunRecord


def print_json(work: Path, name: str) -> None:
    """The summary as one JSON object."""
    print(json.dumps(summary(RunRecord(work, name).read()["stages"]), indent=2, ensure_ascii=False))


def by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Reasons with their counts, the largest first."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def print_table(work: Path, name: str) -> None:
    """Corpus, tokenizer, scores, decision and release, a block each."""
    from rich.console import Console
    from rich.table import Table

    record = RunRecord(work, name).read()
    result = summary(record["stages"])
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]{name}[/bold], as of {record['as_of']}")
    if corpus := result["corpus"]:
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in by_count(corpus["dropped"]) if count)
        console.print(
            f"corpus     {corpus['documents_out']:,} of {corpus['documents_in']:,} documents kept, "
            f"{corpus['bytes_out'] / 1e6:.1f} of {corpus['bytes_in'] / 1e6:.1f} MB"
        )
        console.print(f"           dropped: {dropped or 'none'}")
    if tokenizer := result["tokenizer"]:
        ratios = ", ".join(f"{v:.2f} {part}" for part, v in tokenizer["bytes_per_token"].items() if v)
        console.print(f"tokenizer  {tokenizer['size']:,} pieces; bytes per token: {ratios}")
    if scores := result["scores"]:
        console.print("\nbits per UTF-8 byte on held-out text (lower is better), and the adapted model's change")
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        parts = {part: PartScore.from_dict(score) for part, score in scores.items()}
        models = list(parts["domain"].bits)
        for column in ("", *models):
            table.add_column(column, justify="left" if not column else "right")
        table.add_column("against control", justify="right", no_wrap=True)
        table.add_column("against base", justify="right", no_wrap=True)
        for part, score in parts.items():
            table.add_row(
                part,
                *(f"{score.bits[model]:.3f}" for model in models),
                *(score.changes[model].percent() for model in ("control", "base")),
            )
        console.print(table)
    if decision := result["decision"]:
        console.print("\n[bold green]released[/]" if decision["released"] else "\n[bold red]not released[/]")
        for reason in decision["reasons"]:
            console.print(f"  {reason}")
    stages = record["stages"]
    for label, stage in sorted(stages.items(), key=lambda entry: entry[1]["number"]):
        if "learned" in stage:
            console.print(f"{label:10} {comparison(stage['learned'])}", markup=False)
    if "describe" in stages:
        console.print(f"data sheet {relative(stages['describe']['path'])}/datasheet.html")
    if "evaluate" in stages:
        console.print(f"report     {relative(stages['evaluate']['path'])}/report.html")
    if result["release"]:
        console.print(f"release    {relative(result['release'])}")
        prompt = stages["release"]["facts"]["prompt"]
        console.print(f"try it     shoptalk generate {relative(result['release'])} {quote(prompt)}", markup=False)
    elif stages:
        last = max(stages, key=lambda label: stages[label].get("number", 0))
        console.print(f"{last:10} {relative(stages[last]['path'])}")
