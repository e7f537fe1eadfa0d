"""Counts by SQL over a ledger, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpora.ledger.ledger import Row, entry, write_ledger
from corpora.ledger.query import open_ledger


def row(name: str, source: str, size: int | None, **event: str) -> Row:
    return entry({"id": name, "part": "domain", "source": source, "bytes": size}, **event)  # type: ignore[arg-type]


ROWS = [
    row("a", "news", 10, stage="privacy", action="changed", reason="privacy: masked"),
    row("a", "news", 10, stage="holdout", action="kept"),
    row("b", "news", 20, stage="near", action="dropped", reason="near duplicate"),
    row("c", "it's [a] *?", 30, stage="near", action="dropped", reason="near duplicate"),
    row("d", "news", None, stage="collect", action="quarantined", reason="broken"),
]


@pytest.mark.parametrize("name", ["plain", "a [b] *", "it's", "with space", "\u00fcber", "a?b{c}"])
def test_a_ledger_in_any_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    write_ledger(tmp_path / name / "ledger.parquet", ROWS)
    with open_ledger(tmp_path / name / "ledger.parquet", tmp_path / name) as ledger:
        assert ledger.number("SELECT count(*) FROM ledger") == 5
        assert list(ledger.rows("SELECT id FROM ledger WHERE source = ?", ["it's [a] *?"])) == [{"id": "c"}]


def test_groups_with_the_most_documents_come_first(tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger.parquet", ROWS)
    with open_ledger(tmp_path / "ledger.parquet", tmp_path) as ledger:
        assert list(ledger.counts("stage", "action", sizes="bytes")) == [
            {"stage": "near", "action": "dropped", "documents": 2, "bytes": 50},
            {"stage": "collect", "action": "quarantined", "documents": 1, "bytes": 0},
            {"stage": "holdout", "action": "kept", "documents": 1, "bytes": 10},
            {"stage": "privacy", "action": "changed", "documents": 1, "bytes": 10},
        ]
        assert list(ledger.counts("source", where="action = 'kept'")) == [
            {"source": "news", "documents": 1, "bytes": 0}
        ]


def test_a_ledger_without_rows(tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger.parquet", [])
    with open_ledger(tmp_path / "ledger.parquet", tmp_path) as ledger:
        assert list(ledger.counts("stage")) == []
        assert ledger.number("SELECT sum(bytes) FROM ledger") == 0
