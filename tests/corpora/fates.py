"""What became of each document, as a corpus and its ledger tell."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from corpora.ledger.ledger import read_ledger

Record = dict[str, Any]


def where(corpus: Any) -> dict[str, str]:
    """The split of every document."""
    return {d["id"]: s for s in corpus.splits for part in ("domain", "general") for d in corpus.documents(s, part)}


def ledger(corpus: Any) -> dict[str, list[Record]]:
    """Ledger rows by document."""
    found = defaultdict(list)
    for row in read_ledger(corpus.path / "ledger.parquet"):
        found[row["id"]].append(row)
    return found
