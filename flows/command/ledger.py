"""Query a run's ledger: how many documents were dropped where and why, or which ones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from flows.command.options import add_run, add_work, machine_of, positive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from corpora.ledger.ledger import Row

CountRow = tuple[str, str, str, int, int]  # stage, action, reason, documents, bytes
COLUMNS = ("stage", "action", "reason", "documents", "bytes")
STAGES_FIRST = (
    "collect",
    "language",
    "quality",
    "privacy",
    "harm",
)  # filters in a recipe's usual order; own ones follow
STAGES_LAST = ("decontaminate", "exact", "near", "passages", "holdout")


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_run(command)
    command.add_argument("--reason", help="a reason, its beginning (quality), or a stage (near)")
    command.add_argument("--source", help="the name of a source")
    command.add_argument("--sample", type=positive, metavar="N", help="N of the rows, with the beginning of their text")
    command.add_argument("--json", action="store_true", help="print JSON Lines")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Without filters print counts; else the rows, or a sample of them."""
    from corpora.ledger.ledger import LEDGER
    from flows.run.lookup import corpus_of

    corpus, _ = corpus_of(machine_of(options).work, options.run)
    if options.reason is None and options.source is None and options.sample is None:
        print_counts(counts(corpus / LEDGER), options.json)
    else:
        print_rows(corpus, options)
    return 0


def counts(path: Path) -> list[CountRow]:
    """The rows of the table in the order of the stages, the most frequent reason first."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from corpora.ledger.query import open_ledger

    order = {stage: place for place, stage in enumerate(STAGES_FIRST)}
    order |= {stage: place for place, stage in enumerate(STAGES_LAST, 1000)}
    with TemporaryDirectory(prefix="shoptalk-") as scratch, open_ledger(path, Path(scratch)) as ledger:
        rows = [tuple(row[name] for name in COLUMNS) for row in ledger.counts(*COLUMNS[:3], sizes="bytes")]
    return sorted(rows, key=lambda row: (order.get(row[0], 100), row[0], -row[3], row))


def print_counts(rows: list[CountRow], as_json: bool) -> None:
    """The table, or a JSON line for each of its rows."""
    import json

    if as_json:
        for row in rows:
            print(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from corpora.ledger.samples import plain

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in ("documents", "bytes") else "left")
    for stage, action, reason, documents, size in rows:
        table.add_row(*(Text(plain(word)) for word in (stage, action, reason)), f"{documents:,}", f"{size:,}")
    Console(highlight=False, soft_wrap=True).print(table)


def print_rows(corpus: Path, options: argparse.Namespace) -> None:
    """The rows that the filters select, or a sample of them; raises ``UserError`` where there are none."""
    from corpora.ledger.ledger import LEDGER, read_ledger
    from corpora.ledger.samples import drawn, excerpts
    from flows.run.lookup import raw_of

    path = corpus / LEDGER
    rows: Iterator[Row] = read_ledger(path, reason=options.reason, source=options.source)
    if options.reason is not None and next(read_ledger(path, reason=options.reason, columns=("id",)), None) is None:
        rows = read_ledger(path, stage=options.reason, source=options.source)  # the table names stages as well
    texts: dict[str, str] = {}
    if options.sample is not None:
        sample = drawn(rows, options.sample)
        texts, rows = excerpts(raw_of(corpus), sample), iter(sample)
    empty = True
    for row in rows:
        print_row(row, texts.get(row["id"]), options.sample is not None, options.json)
        empty = False
    if empty:
        raise no_rows(path, options.reason, options.source)


def print_row(row: Row, text: str | None, sampled: bool, as_json: bool) -> None:
    """One row: a JSON line, or a line for a person and below it how the text begins. A filter's detail may quote it."""
    import json

    from corpora.ledger.samples import excerpt, plain

    row = {**row, "detail": excerpt(row["detail"])}
    if as_json:
        print(json.dumps({**row, "text": text} if sampled else row, ensure_ascii=False))
        return
    cells = [plain(cell) for cell in (row["action"], row["stage"], row["source"], row["id"], outcome(row))]
    print("{:11} {:13} {}  {}  {}".format(*cells).rstrip())
    if sampled:
        print(f"    {text if text is not None else '(its text is no longer stored)'}")


def outcome(row: Row) -> str:
    """Reason and detail; of a duplicate, whose; of a kept document, its split."""
    detail = f" ({row['detail']})" if row["detail"] else ""
    original = f" of {row['duplicate_of']}" if row["duplicate_of"] else ""
    split = row["split"] if row["action"] == "kept" else ""
    return f"{row['reason'] or split}{original}{detail}"


def no_rows(path: Path, reason: str | None, source: str | None) -> Exception:
    """A ``UserError`` that says which filter selected nothing, and what there is."""
    from difflib import get_close_matches

    from corpora.ledger.ledger import read_ledger
    from corpora.ledger.samples import plain
    from domain.errors import UserError

    for name, value in (("source", source), ("reason", reason)):
        if value is None:
            continue
        values = {str(row[name]) for row in read_ledger(path, columns=(name,)) if row[name]}
        if not any(one == value or (name == "reason" and one.startswith(f"{value}:")) for one in values):
            names = ", ".join(get_close_matches(value, values, 3, 0.4) or sorted(values)[:8]) or "none"
            return UserError(f"--{name} {plain(value)}", f"no row has this {name}", plain(f"name one of: {names}"))
    return UserError(f"--reason {reason} --source {source}", "no row has both", "leave one of them out")
