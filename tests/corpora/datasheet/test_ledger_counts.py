"""The steps of the funnel, by hand."""

from __future__ import annotations

from pathlib import Path

from corpora.datasheet.ledger_counts import LedgerCounts
from corpora.ledger.ledger import Row, entry, write_ledger
from corpora.ledger.query import open_ledger


def row(name: str, stage: str, action: str, size: int, written: int | None = None) -> Row:
    document = {"id": name, "part": "domain", "source": "news", "bytes": size}
    return entry(document, stage=stage, action=action, bytes_kept=written)


def test_every_stage_that_removes_something_has_a_step_also_the_last(tmp_path: Path) -> None:
    rows = [
        row("a", "holdout", "kept", 100, 90), row("b", "holdout", "dropped", 20), row("c", "near", "dropped", 30),
        row("d", "b:own", "dropped", 5), row("e", "a:own", "quarantined", 7), row("a", "privacy", "changed", 100),
    ]  # fmt: skip
    write_ledger(tmp_path / "ledger.parquet", rows)
    with open_ledger(tmp_path / "ledger.parquet", tmp_path) as ledger:
        counts = LedgerCounts(["quality"], ledger)
    assert [(step["stage"], step["documents"], step["bytes"]) for step in counts.steps()] == [
        ("found", 5, 162), ("a:own", 4, 155), ("b:own", 3, 150), ("near", 2, 120), ("holdout", 1, 100),
        ("written", 1, 90),
    ]  # fmt: skip
