from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpora.ledger.ledger import COLUMNS, counted, entry, read_ledger, write_ledger


def came(name: str, source: str, size: int, part: str = "domain") -> dict[str, Any]:
    return {"id": name, "part": part, "source": source, "bytes": size, "sha256": "unread"}


INVENTORY = [
    came("a", "news", 10), came("b", "news", 20), came("c", "books", 30), came("d", "books", 40, "general"),
    came("e", "news", 50),
]  # fmt: skip
KEPT = [
    {"source": "news", "part": "domain", "split": "train", "bytes": 8},
    {"source": "books", "part": "domain", "split": "test", "bytes": 30},
    {"source": "books", "part": "general", "split": "train", "bytes": 40},
]
LEDGER = [
    entry({"id": "x", "part": "domain", "source": "news"}, stage="collect", action="dropped", reason="no text"),
    entry(INVENTORY[0], stage="privacy", action="changed", reason="privacy: masked", detail="email 1"),
    entry(INVENTORY[0], stage="holdout", action="kept", split="train", bytes_kept=8, cluster="a"),
    entry(INVENTORY[1], stage="quality", action="dropped", reason="quality: too few words", detail="2", score=2.0),
    entry(INVENTORY[2], stage="holdout", action="kept", split="test", bytes_kept=30, cluster="c"),
    entry(INVENTORY[3], stage="holdout", action="kept", split="train", bytes_kept=40, cluster="d"),
    entry(INVENTORY[4], stage="quality", action="quarantined", reason="error", detail="KeyError"),
]


def test_the_counts_by_hand() -> None:
    assert counted(INVENTORY, LEDGER, KEPT) == {
        "documents_in": 5,
        "documents_out": 3,
        "bytes_in": 150,
        "bytes_out": 78,
        "dropped": {"quality: too few words": 1},
        "changed": {"privacy: masked": 1},
        "quarantined": 1,
        "splits": {
            "train": {"domain": {"documents": 1, "bytes": 8}, "general": {"documents": 1, "bytes": 40}},
            "test": {"domain": {"documents": 1, "bytes": 30}},
        },
        "sources": {
            "books": {"in": 2, "out": 2, "dropped": 0, "quarantined": 0},
            "news": {"in": 3, "out": 1, "dropped": 1, "quarantined": 1},
        },
    }


@pytest.mark.parametrize(
    ("ledger", "kept", "balance"),
    [
        (LEDGER[:3] + LEDGER[4:], KEPT, "3 in, 1 out, 0 dropped, 1 quarantined"),
        (LEDGER, KEPT[1:], "3 in, 0 out, 1 dropped, 1 quarantined, 1 kept by the ledger"),
        (LEDGER[:2] + LEDGER[3:], KEPT, "3 in, 1 out, 1 dropped, 1 quarantined, 0 kept by the ledger"),
    ],
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


def test_what_was_written_is_read_and_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    write_ledger(path, LEDGER)
    assert list(read_ledger(path)) == LEDGER
    assert tuple(LEDGER[0]) == COLUMNS
    assert [row["action"] for row in read_ledger(path, id="a")] == ["changed", "kept"]
    assert [row["id"] for row in read_ledger(path, id=["a", "c"], action="kept")] == ["a", "c"]
    assert list(read_ledger(path, source="books", columns=("id",))) == [{"id": "c"}, {"id": "d"}]
    assert [row["id"] for row in read_ledger(path, reason="quality")] == ["b"]
    assert [row["id"] for row in read_ledger(path, reason="quality: too few words")] == ["b"]
    assert list(read_ledger(path, reason="qual")) == []  # a reason's first word, not its first letters
    assert list(read_ledger(path, id="nobody")) == []


def test_hostile_strings_come_back_as_they_were(tmp_path: Path) -> None:
    names = ["\x00", "a\nb", "<script>", "ö" * 5_000, "'; drop table", "\u202e"]
    write_ledger(tmp_path / "l", [entry({"id": name}, stage="s", action="dropped", reason=name) for name in names])
    assert [row["id"] for row in read_ledger(tmp_path / "l")] == names
    assert all([row["reason"] for row in read_ledger(tmp_path / "l", id=name)] == [name] for name in names)


def test_an_empty_ledger(tmp_path: Path) -> None:
    write_ledger(tmp_path / "l", [])
    assert list(read_ledger(tmp_path / "l")) == []


def many(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        document = came(f"calls/{number}.jsonl:{number}", f"s{number % 7}", number)
        yield entry(document, stage="near", action="dropped", reason="near duplicate")


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "again"):
        write_ledger(tmp_path / name, many(60_000))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "one").stat().st_size < 12 * 60_000  # bytes a row


def test_memory_does_not_grow_with_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.ledger.ledger.BATCH", 500)
    peaks = []
    tracemalloc.start()
    for count in (500, 1_000, 8_000):  # the first warms what is imported
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        write_ledger(tmp_path / "l", many(count))
        assert sum(1 for _ in read_ledger(tmp_path / "l", columns=("id",))) == count
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]
