from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from corpora.collection import unique_ids
from corpora.collection.unique_ids import HashFile, UniqueIds


def by_counts(names: list[str]) -> list[str]:
    """The definition, with all ids in memory."""
    counts = Counter[str]()

    def unique(name: str) -> str:
        counts[name] += 1
        return name if counts[name] == 1 else unique(f"{name}#{counts[name]}")

    return [unique(name) for name in names]


def drawn(seed: int, count: int = 400) -> list[str]:
    chance = random.Random(seed)
    return [f"d{chance.randrange(count)}{chance.choice(('', '', '', '#2', '#3'))}" for _ in range(count)]


@pytest.mark.parametrize(("recent", "largest"), [(1000, 1000), (1, 1000), (7, 30), (1, 1)])
def test_ids_are_those_of_a_count_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recent: int, largest: int
) -> None:
    monkeypatch.setattr(unique_ids, "RECENT", recent)
    monkeypatch.setattr(unique_ids, "LARGEST", largest)
    names = drawn(recent)
    ids = UniqueIds(tmp_path, [], {})
    assert [ids.unique(name) for name in names] == by_counts(names)
    assert all(file.count <= max(largest, recent) for file in ids.files)
    assert len(ids.recent) < recent


def test_what_goes_on_from_a_state_gives_the_same_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_ids, "RECENT", 20)
    names, given = drawn(1), list[str]()
    state: tuple[list[str], dict[str, int]] = ([], {})
    for begin in range(0, len(names), 90):
        ids = UniqueIds(tmp_path, *state)
        given += [ids.unique(name) for name in names[begin : begin + 90]]
        ids.write()
        ids.tidy()
        state = [file.path.name for file in ids.files], dict(ids.repeats)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(state[0])
        for name in ("x", "y", names[0]):  # what was killed behind the state
            ids.unique(name)
        ids.write()
    assert given == by_counts(names)


def test_a_file_knows_its_hashes_and_no_others(tmp_path: Path) -> None:
    hashes = np.unique(np.random.default_rng(1).integers(0, 2**64, 1_000, np.uint64))
    np.save(tmp_path / "a.npy", hashes[::2])
    file = HashFile(tmp_path / "a.npy")
    assert [int(value) in file for value in hashes] == [place % 2 == 0 for place in range(len(hashes))]
    assert len(file.bits) == file.count == 500
    assert (2**64 - 1 in file, 0 in file) == (False, False)
