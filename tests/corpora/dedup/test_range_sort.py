from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.dedup import range_sort
from corpora.dedup.range_sort import ArrayParts, RangeSort


@pytest.mark.parametrize(("largest", "ranges"), [(1_000, 1), (301, 1), (300, 2), (151, 2), (150, 4), (10, 32)])
def test_hashes_come_back_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, ranges: int) -> None:
    monkeypatch.setattr(range_sort, "LARGEST_RANGE", largest)
    chance = np.random.default_rng(1)
    few = chance.integers(0, 2**64, 40, np.uint64)
    hashes, texts = few[chance.integers(0, 40, 300)], chance.integers(0, 2**31, 300)
    sort = RangeSort(tmp_path / "sort", 300)
    for begin in range(0, 300, 70):
        sort.add(hashes[begin : begin + 70], texts[begin : begin + 70])
    order = np.lexsort((texts, hashes))
    for _ in range(2):
        parts = list(sort.parts())
        assert np.concatenate([part for part, _ in parts]).tolist() == hashes[order].tolist()
        assert np.concatenate([part for _, part in parts]).tolist() == texts[order].tolist()
    assert 1 << sort.bits == ranges
    assert len(parts) - 1 == len({int(value) >> 64 - sort.bits for value in few})


def test_none(tmp_path: Path) -> None:
    sort = RangeSort(tmp_path / "sort", 0)
    sort.add(np.empty(0, np.uint64), np.empty(0, np.int64))
    assert [(len(hashes), len(texts)) for hashes, texts in sort.parts()] == [(0, 0)]


@pytest.mark.parametrize("shape", [(7,), (7, 3), (0,), (0, 3)])
@pytest.mark.parametrize("kind", [np.uint64, np.int32])
def test_an_array_in_parts_is_saved_as_a_whole_one(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    ArrayParts(iter([array[:2], array[2:2], array[2:]])).save(tmp_path / "parts.npy")
    np.save(tmp_path / "whole.npy", array)
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert np.load(tmp_path / "parts.npy", mmap_mode="r" if len(array) else None).tolist() == array.tolist()
