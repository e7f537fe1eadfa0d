from __future__ import annotations

from typing import Any

import pytest

from corpora.ledger import counted, entry


def came(name: str, source: str, size: int, part: str = "domain") -> dict[str, Any]:
    return {"id": name, "part": part, "source": source, "bytes": size, "sha256": "unread"}


INVENTORY = [came("a", "news", 10), came("b", "news", 20), came("c", "books", 30), came("d", "books", 40, "general")]
KEPT = [
    {"source": "news", "part": "domain", "split": "train", "bytes": 8},
    {"source": "books", "part": "domain", "split": "test", "bytes": 30},
    {"source": "books", "part": "general", "split": "train", "bytes": 40},
]
LEDGER = [
    entry(INVENTORY[0], "changed", "privacy", "masked", "email 1"),
    entry(INVENTORY[1], "dropped", "quality", "too short", "2"),
]


def test_the_counts_by_hand() -> None:
    assert counted(INVENTORY, LEDGER, KEPT) == {
        "documents_in": 4,
        "documents_out": 3,
        "bytes_in": 100,
        "bytes_out": 78,
        "dropped": {"too short": 1},
        "changed": {"masked": 1},
        "splits": {
            "train": {"domain": {"documents": 1, "bytes": 8}, "general": {"documents": 1, "bytes": 40}},
            "test": {"domain": {"documents": 1, "bytes": 30}},
        },
        "sources": {"books": {"in": 2, "out": 2, "dropped": 0}, "news": {"in": 2, "out": 1, "dropped": 1}},
    }


@pytest.mark.parametrize(
    ("ledger", "kept", "balance"),
    [(LEDGER[:1], KEPT, "2 in, 1 out, 0 dropped"), (LEDGER, KEPT[1:], "2 in, 0 out, 1 dropped")],
)
def test_a_lost_document_is_told(ledger: list[dict[str, Any]], kept: list[dict[str, Any]], balance: str) -> None:
    with pytest.raises(RuntimeError, match=rf"news \(domain\) do not add up: {balance}"):
        counted(INVENTORY, ledger, kept)


def test_two_sources_of_one_name_do_not_cover_for_each_other() -> None:
    moved = [*KEPT[:1], {**KEPT[1], "part": "general"}, KEPT[2]]
    with pytest.raises(RuntimeError, match=r"books \(domain\) do not add up: 1 in, 0 out"):
        counted(INVENTORY, LEDGER, moved)


def test_a_document_from_nowhere_is_told() -> None:
    with pytest.raises(RuntimeError, match="0 in, 1 out"):
        counted(INVENTORY, LEDGER, [*KEPT, {"source": "ghost", "part": "domain", "split": "train", "bytes": 1}])
