from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.dedup import bucket_pass
from corpora.dedup.bucket_pass import FindBuckets, find_buckets
from corpora.dedup.near import Buckets
from corpora.dedup.signatures import BAND_COLUMNS, KEY, SIGNATURE_COLUMNS, read_buckets, signature_file
from domain.machine import Machine
from domain.text.words import mixed

Edges = set[tuple[int, int]]


def columns_in(folder: Path, count: int, changed: int, values: int) -> np.ndarray:
    """Random columns of so many signatures, uint64 [signatures, 16], of so many values."""
    folder.mkdir()
    columns = mixed(
        np.random.default_rng(1).integers(0, values, (count + changed, SIGNATURE_COLUMNS)).astype(np.uint64)
    )
    for column in range(SIGNATURE_COLUMNS):
        columns[:count, column].tofile(signature_file(folder, column, changed=False))
        columns[count:, column].tofile(signature_file(folder, column, changed=True))
    return columns


def edges(folder: Path, column: int) -> list[Edges]:
    """By range of hashes."""
    return [set(zip(*(each.tolist() for each in b.edges()), strict=True)) for b in read_buckets(folder, column)]


@pytest.mark.parametrize(("largest", "ranges"), [(2_000, 1), (550, 1), (549, 2), (275, 2), (274, 4), (137, 8)])
def test_ranges_of_hashes_together_hold_the_buckets_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, ranges: int
) -> None:
    monkeypatch.setattr(bucket_pass, "LARGEST_RANGE", largest)
    monkeypatch.setattr(bucket_pass, "AT_ONCE", 100)
    columns = columns_in(tmp_path / "columns", 500, 50, 20)
    find_buckets(tmp_path / "columns", 550, Machine(workers=1), tmp_path / "logs")
    for column in (KEY, *BAND_COLUMNS):
        whole = columns[:, column] if column != KEY else columns[:, 0] * np.uint64(7) + columns[:, 1]
        expected: Edges = set(zip(*(each.tolist() for each in Buckets.of(whole).edges()), strict=True))
        parts = edges(tmp_path / "columns", column)
        assert len(parts) == ranges
        assert set.union(*parts) == expected
        assert sum(map(len, parts)) == len(expected)


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, in_place in (("a", 550), ("b", 549)):
        monkeypatch.setattr(bucket_pass, "IN_PLACE", in_place)
        columns_in(tmp_path / name, 500, 50, 200)
        find_buckets(tmp_path / name, 550, Machine(workers=2), tmp_path / "logs")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 2 * SIGNATURE_COLUMNS + SIGNATURE_COLUMNS - 1
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_no_documents(tmp_path: Path) -> None:
    columns_in(tmp_path / "columns", 0, 0, 1)
    find_buckets(tmp_path / "columns", 0, Machine(workers=1), tmp_path / "logs")
    assert edges(tmp_path / "columns", 2) == [set()]
    assert len(FindBuckets(str(tmp_path), 2).tasks) == 4 * (SIGNATURE_COLUMNS - 1)
