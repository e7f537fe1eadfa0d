from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from corpora.dedup.exact import first_of_equals
from corpora.dedup.index import Index
from corpora.dedup.index_segment import PackedStrings
from corpora.dedup.near import near_duplicates
from domain.errors import UserError
from domain.text.words import mixed


def texts_of(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys, bands and order of texts of which many are equal, near, or bridges between others."""
    bands = mixed(chance.integers(0, chance.integers(20, 4 * count + 21), (count, 14)).astype(np.uint64))
    keys = chance.integers(0, 2 * count + 1, (count, 1)).astype(np.uint64) + np.array([[0, 99]], np.uint64)
    return mixed(keys), bands, chance.permutation(count)


def in_runs(folder: Path, chance: np.random.Generator, count: int, runs: int) -> Index:
    """The index after several runs over parts of the texts; each run's answers are checked against those of one."""
    keys, bands, order = texts_of(chance, count)
    ids = np.array([f"d{number}" for number in range(count)])
    drops, roots = near_duplicates(bands, order)
    equal = first_of_equals(keys, order)
    came = np.argsort(order)
    cuts = np.sort(np.concatenate(([0, count], chance.integers(0, count + 1, runs - 1))))
    index = Index()
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        run = chance.permutation(came[begin:end])
        found = index.find(keys[run], bands[run], order[run])
        names = [*index.ids(np.arange(len(index))), *ids[run]]
        assert found.drops.tolist() == drops[run].tolist()
        assert [names[i] for i in found.equal] == ids[equal[run]].tolist()
        if end == count:
            assert [names[i] for i in found.roots] == ids[roots[run]].tolist()
        index.add(
            ids[run].tolist(), keys[run], bands[run], order[run], found,
            [None if d else "train" for d in drops[run]], mixed(run.astype(np.uint64) + np.uint64(1)),
        )  # fmt: skip
        index.save(folder / str(number))
        index = Index.open(folder / str(number))
    every = np.arange(count)
    assert index.ids(every) == ids[came].tolist()
    assert [ids[came[i]] for i in index.roots(every)] == ids[roots[came]].tolist()
    assert index.splits(every) == [None if d else "train" for d in drops[came]]
    numbers, names = index.named(mixed(came.astype(np.uint64) + np.uint64(1)))
    assert numbers.tolist() == [-1 if d else place for place, d in enumerate(drops[came])]
    assert names.tolist() == sorted(mixed(came[~drops[came]].astype(np.uint64) + np.uint64(1)).tolist())
    return index


@pytest.mark.parametrize("seed", range(25))
def test_several_runs_answer_as_one(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    in_runs(tmp_path, chance, int(chance.integers(0, 70)), int(chance.integers(1, 8)))


def test_many_small_runs_make_few_segments(tmp_path: Path) -> None:
    index = in_runs(tmp_path, np.random.default_rng(99), 600, 40)
    assert len(index.segments) <= np.log2(600)


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        in_runs(tmp_path / name, np.random.default_rng(3), 50, 4)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) > 4
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_at_rest_it_is_at_most_155_bytes_a_text(tmp_path: Path) -> None:
    chance, count = np.random.default_rng(1), 20_000
    bands, keys = (mixed(chance.integers(0, 2**62, (count, width)).astype(np.uint64)) for width in (14, 2))
    ids = [f"{n}_10K_{2000 + n % 20}_{n:010d}-{n % 20:02d}-{chance.integers(10**6):06d}" for n in range(count)]
    index = Index()
    found = index.find(keys, bands, np.arange(count))
    assert not found.drops.any()
    index.add(ids, keys, bands, np.arange(count), found, ["train"] * count, keys[:, 1])
    index.save(tmp_path / "index")
    size = sum(path.stat().st_size for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert size / count < 155
    again = Index.open(tmp_path / "index")
    assert again.ids(np.array([count - 1, 0, 5])) == [ids[-1], ids[0], ids[5]]
    copies = again.find(keys[::7], bands[::7], np.arange(len(keys[::7])))
    assert copies.equal.tolist() == copies.roots.tolist() == list(range(0, count, 7))


def test_a_key_must_be_equal_in_both_halves() -> None:
    index, bands = Index(), np.array([[1] * 14], np.uint64)
    keys = np.array([[5, 6]], np.uint64)
    index.add(["a"], keys, bands, np.arange(1), index.find(keys, bands, np.arange(1)), [None], keys[:, 0])
    other = index.find(np.array([[5, 6], [5, 7]], np.uint64), np.array([[2] * 14, [3] * 14], np.uint64), np.arange(2))
    assert other.equal.tolist() == [0, 2]


def remember(index: Index, number: int, name: int, split: str | None, band: int) -> None:
    """Add one text."""
    keys, bands = np.array([[number << 32, number]], np.uint64), np.array([[band << 32] * 14], np.uint64)
    found = index.find(keys, bands, np.arange(1))
    index.add([f"d{number}"], keys, bands, np.arange(1), found, [split], np.array([name], np.uint64))


def test_the_last_text_of_a_document_that_stayed_is_found_by_name() -> None:
    index = Index()
    assert [each.tolist() for each in index.named(np.array([7], np.uint64))] == [[-1], []]
    remember(index, 1, 7, "train", 1)
    remember(index, 2, 9, None, 2)
    remember(index, 3, 7, "test", 3)
    remember(index, 4, 7, None, 4)
    remember(index, 5, 8, "train", 5)
    numbers, names = index.named(np.array([7, 8, 9, 6, 10], np.uint64))
    assert (numbers.tolist(), names.tolist()) == ([2, 4, -1, -1, -1], [7, 8])


def test_a_text_that_joins_clusters_says_what_their_root_is_now() -> None:
    index = Index()
    for number in (1, 2, 3):
        remember(index, number, number, "train", number)
    bridge = np.array([[1 << 32] * 7 + [3 << 32] * 7], np.uint64)  # a hash is kept to its first 40 bits or more
    found = index.find(np.array([[9, 9]], np.uint64), bridge, np.arange(1))
    assert found.current_roots(np.array([2, 1, 0])).tolist() == [0, 1, 0]
    assert (found.recalls.tolist(), found.repeats.tolist(), found.drops.tolist()) == ([True], [False], [True])


def test_a_part_of_a_run_is_numbered_anew() -> None:
    index = Index()
    remember(index, 1, 1, "train", 1)
    keys = np.array([[1 << 32, 1], [5 << 32, 5], [6 << 32, 6], [6 << 32, 6], [7 << 32, 7]], np.uint64)
    bands = np.array([[1], [5], [6], [6], [1]], np.uint64) * np.full((1, 14), 1 << 32, np.uint64)
    found = index.find(keys, bands, np.arange(5))
    assert (found.equal.tolist(), found.roots.tolist()) == ([0, 2, 3, 3, 5], [0, 2, 3, 3, 0])
    part = found.part(np.array([False, False, True, True, True]), 1)
    assert (part.equal.tolist(), part.roots.tolist()) == ([1, 1, 3], [1, 1, 0])
    assert (part.recalls.tolist(), part.repeats.tolist()) == ([False, False, True], [False, True, True])


def test_strings_are_packed_in_blocks() -> None:
    strings = [f"line\n{number}é" if number % 3 else None for number in range(3000)]
    packed = PackedStrings.of(strings)
    assert list(packed.strings()) == strings
    assert packed.at(np.array([2999, 0, 1024])) == [strings[2999], strings[0], strings[1024]]
    assert packed.at(np.array([], np.int64)) == []


@pytest.mark.parametrize("harm", ["nothing", "version", "torn", "elsewhere", "list", "deep"])
def test_an_index_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "index"
    index, keys, bands = Index(), np.array([[5, 6]], np.uint64), np.array([[1] * 14], np.uint64)
    index.add(["a"], keys, bands, np.arange(1), index.find(keys, bands, np.arange(1)), [None], keys[:, 0])
    if harm != "nothing":
        index.save(folder)
    if harm == "version":
        (folder / "index.json").write_text('{"version": 99, "segments": []}')
    other = {"elsewhere": '{"version": 2, "segments": ["../secret"]}', "list": "[]", "deep": "[" * 100_000}
    if harm in other:
        (folder / "index.json").write_text(other[harm])
    if harm == "torn":
        path = folder / "0000000000" / "entries.npy"
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="no index of remembered texts that can be read"):
        Index.open(folder)
