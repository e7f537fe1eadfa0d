"""The deciding step's memory, by what Python and numpy allocate; what a process takes is measured by the benchmark."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.corpora.settle import GOAL, line, settle, write_shard

SHARD = 1_000


def allocated(folder: Path, count: int) -> int:
    """The most bytes that are allocated at a time while so many documents are decided on."""
    chance = np.random.default_rng(1)
    for start in range(0, count, SHARD):
        write_shard(folder / "filtered" / f"domain-{start:06}", start, SHARD, count, chance)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    figures = settle(folder, 1)
    assert 0.77 * count < figures["stay"] < 0.84 * count  # 85% passed, of which 6% repeat others
    return tracemalloc.get_traced_memory()[1] - before


@pytest.mark.soak
def test_a_document_takes_at_most_60_bytes(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        allocated(tmp_path / "modules", SHARD)  # they are loaded once
        sizes = [allocated(tmp_path / str(count), count) for count in (30_000, 90_000)]
    finally:
        tracemalloc.stop()
    assert (sizes[1] - sizes[0]) / 60_000 <= GOAL


def test_the_line_through_several_sizes() -> None:
    rows = [{"documents": n * 10**6, "own_mb": 100 + 50 * n, "seconds": 20 * n} for n in (1, 5, 20)]
    through = line(rows)
    assert through["bytes_a_document"] == pytest.approx(50 * 2**20 / 10**6, abs=0.1)
    assert (through["bound_mb"], through["passed"]) == (100, True)
    assert through["own_mb"] == {"100,000,000": 5_100, "1,000,000,000": 50_100}
    assert through["seconds"] == {"100,000,000": 2_000, "1,000,000,000": 20_000}
