"""Tables of test texts, and the n-grams of a text as tuples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corpora.decontamination.overlap import Overlap, OverlapTable
from corpora.decontamination.overlap_table import hash_test_text
from domain.jsonlines import line
from domain.machine import Machine


def table(folder: Path, *texts: str, **settings: Any) -> OverlapTable:
    """The table of test texts that stand in one filtered shard."""
    spec = Overlap.model_validate(settings)
    folder.mkdir(exist_ok=True)
    (folder / "shard").mkdir(exist_ok=True)
    (folder / "shard" / "clean.jsonl").write_bytes(b"".join(line({"text": text}) for text in ("other", *texts)))
    rows = [[], list(range(1, len(texts) + 1))]
    hash_test_text(spec, rows, [str(folder / "none"), str(folder / "shard")], folder, Machine(workers=1))
    return OverlapTable(folder / "test_overlap", spec)


def grams(text: str, n: int = 13) -> list[tuple[str, ...]]:
    words = text.split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
