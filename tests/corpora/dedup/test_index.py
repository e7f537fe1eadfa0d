from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corpora.dedup.exact import first_of_equals
from corpora.dedup.index import GONE, Duplicates, Index
from corpora.dedup.near import Buckets, near_duplicates
from corpora.dedup.priority import inverse
from corpora.dedup.signatures import KEY, TextSignatures
from domain.errors import UserError
from domain.text.words import mixed

TRAIN = 2  # a split


def texts_of(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys, bands and order of texts of which many are equal, near, or bridges between others."""
    bands = mixed(chance.integers(0, chance.integers(20, 4 * count + 21), (count, 14)).astype(np.uint64))
    keys = chance.integers(0, 2 * count + 1, (count, 1)).astype(np.uint64) + np.array([[0, 99]], np.uint64)
    return mixed(keys), bands, chance.permutation(count)


def signed(keys: np.ndarray, bands: np.ndarray, takes_part: np.ndarray | None = None) -> TextSignatures:
    """Signatures in memory: keys uint64 [texts, 2], bands uint64 [texts, 14]."""
    columns = np.column_stack((keys, bands))
    which = np.ones(len(keys), bool) if takes_part is None else takes_part

    def shared(column: int) -> Iterator[Buckets]:
        buckets = Buckets.of(columns[:, column])
        if column == KEY:
            buckets = buckets.divided(keys[buckets.members, 1])
        yield buckets.part(which[buckets.members])

    return TextSignatures(which, lambda column: columns[:, column].copy(), shared)


def added(
    index: Index, texts: TextSignatures, order: np.ndarray, splits: list[int], names: np.ndarray, ids: list[str]
) -> Duplicates:
    """What the index says of a run's texts, which it then remembers."""
    found = index.find(texts, order)
    index.add(texts, order, found, np.array(splits, np.uint8), lambda: names, [ids[:1], ids[1:]])
    return found


def in_runs(folder: Path, chance: np.random.Generator, count: int, runs: int) -> Index:
    """The index after several runs over parts of the texts; each run's answers are checked against those of one."""
    keys, bands, order = texts_of(chance, count)
    ids = np.array([f"d{number}" for number in range(count)])
    drops, roots = near_duplicates(bands, order)
    equal = first_of_equals(keys, order)
    came = np.argsort(order)
    cuts = np.sort(np.concatenate(([0, count], chance.integers(0, count + 1, runs - 1))))
    index = Index(folder / "segments0")
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        run = chance.permutation(came[begin:end])
        before, own = len(index), inverse(np.argsort(order[run]))
        found = added(
            index, signed(keys[run], bands[run]), own, [GONE if d else TRAIN for d in drops[run]],
            mixed(run.astype(np.uint64) + np.uint64(1)), ids[run].tolist(),
        )  # fmt: skip
        names = [*index.ids(np.arange(before)), *ids[run]]
        assert found.drops.tolist() == drops[run].tolist()
        assert [names[i] for i in found.equal] == ids[equal[run]].tolist()
        if end == count:
            assert [names[i] for i in found.roots] == ids[roots[run]].tolist()
        index.save(folder / str(number))
        index = Index.open(folder / str(number), folder / f"segments{number + 1}")
    every = np.arange(count)
    assert index.ids(every) == ids[came].tolist()
    assert [ids[came[i]] for i in index.roots(every)] == ids[roots[came]].tolist()
    assert index.splits(every).tolist() == [GONE if d else TRAIN for d in drops[came]]
    names = mixed(came.astype(np.uint64) + np.uint64(1))
    assert index.named(names).tolist() == [-1 if d else place for place, d in enumerate(drops[came])]
    assert index.absent(names) == 0
    assert index.absent(names[::2]) == int((~drops[came])[1::2].sum())
    return index


@pytest.mark.parametrize("seed", range(15))
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


def test_at_rest_it_is_at_most_160_bytes_a_text(tmp_path: Path) -> None:
    chance, count = np.random.default_rng(1), 20_000
    bands, keys = (mixed(chance.integers(0, 2**62, (count, width)).astype(np.uint64)) for width in (14, 2))
    ids = [f"{n}_10K_{2000 + n % 20}_{n:010d}-{n % 20:02d}-{chance.integers(10**6):06d}" for n in range(count)]
    index = Index(tmp_path / "segments")
    found = added(index, signed(keys, bands), np.arange(count), [TRAIN] * count, keys[:, 1], ids)
    assert not found.drops.any()
    index.save(tmp_path / "index")
    size = sum(path.stat().st_size for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert size / count < 160
    again = Index.open(tmp_path / "index", tmp_path / "more")
    assert again.ids(np.array([count - 1, 0, 5])) == [ids[-1], ids[0], ids[5]]
    copies = again.find(signed(keys[::7], bands[::7]), np.arange(len(keys[::7])))
    assert copies.equal.tolist() == copies.roots.tolist() == list(range(0, count, 7))


def test_a_key_must_be_equal_in_both_halves(tmp_path: Path) -> None:
    index, bands, keys = Index(tmp_path), np.array([[1] * 14], np.uint64), np.array([[5, 6]], np.uint64)
    added(index, signed(keys, bands), np.arange(1), [GONE], keys[:, 0], ["a"])
    others = signed(np.array([[5, 6], [5, 7]], np.uint64), np.array([[2] * 14, [3] * 14], np.uint64))
    assert index.find(others, np.arange(2)).equal.tolist() == [0, 2]


@pytest.mark.parametrize("largest", [9, 50])
def test_a_run_of_more_texts_than_a_segment_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr("corpora.dedup.index.LARGEST_SEGMENT", largest)
    index = in_runs(tmp_path, np.random.default_rng(5), 60, 3)
    assert max(map(len, index.segments)) <= largest


def remember(index: Index, number: int, name: int, split: int, band: int) -> None:
    """Add one text."""
    keys, bands = np.array([[number << 32, number]], np.uint64), np.array([[band << 32] * 14], np.uint64)
    added(index, signed(keys, bands), np.arange(1), [split], np.array([name], np.uint64), [f"d{number}"])


def test_the_last_text_of_a_document_that_stayed_is_found_by_name(tmp_path: Path) -> None:
    index = Index(tmp_path)
    assert index.named(np.array([7], np.uint64)).tolist() == [-1]
    assert index.absent(np.array([7], np.uint64)) == 0
    remember(index, 1, 7, TRAIN, 1)
    remember(index, 2, 9, GONE, 2)
    remember(index, 3, 7, 0, 3)
    remember(index, 4, 7, GONE, 4)
    remember(index, 5, 8, TRAIN, 5)
    assert index.named(np.array([7, 8, 9, 6, 10], np.uint64)).tolist() == [2, 4, -1, -1, -1]
    assert [index.absent(np.array(here, np.uint64)) for here in ([], [7], [8, 9], [7, 8])] == [2, 1, 1, 0]


def test_a_text_that_joins_clusters_says_what_their_root_is_now(tmp_path: Path) -> None:
    index = Index(tmp_path)
    for number in (1, 2, 3):
        remember(index, number, number, TRAIN, number)
    bridge = np.array([[1 << 32] * 7 + [3 << 32] * 7], np.uint64)  # a hash is kept to its first 40 bits or more
    found = index.find(signed(np.array([[9, 9]], np.uint64), bridge), np.arange(1))
    assert found.current_roots(np.array([2, 1, 0])).tolist() == [0, 1, 0]
    assert (found.recalls.tolist(), found.repeats.tolist(), found.drops.tolist()) == ([True], [False], [True])


def test_those_that_take_part_are_looked_up_and_remembered(tmp_path: Path) -> None:
    index = Index(tmp_path)
    remember(index, 1, 1, TRAIN, 1)
    keys = np.array([[1 << 32, 1], [5 << 32, 5], [6 << 32, 6], [6 << 32, 6], [7 << 32, 7]], np.uint64)
    bands = np.array([[1], [5], [6], [6], [1]], np.uint64) * np.full((1, 14), 1 << 32, np.uint64)
    order, names = np.array([4, 3, 2, 1, 0]), np.arange(11, 16, dtype=np.uint64)
    found = index.find(signed(keys, bands), order)
    assert (found.equal.tolist(), found.roots.tolist()) == ([0, 2, 4, 4, 5], [0, 2, 4, 4, 0])
    assert (found.recalls.tolist(), found.repeats.tolist()) == (
        [True, False, False, False, True], [True, False, True, False, False],
    )  # fmt: skip
    some = signed(keys, bands, np.array([False, False, True, True, True]))
    apart = index.find(some, order)
    assert (apart.equal.tolist(), apart.roots.tolist()) == ([1, 2, 4, 4, 5], [1, 2, 4, 4, 0])
    index.add(some, order, found, np.full(5, TRAIN, np.uint8), lambda: names, [["a", "b"], ["c", "d", "e"]])
    assert index.ids(np.arange(4)) == ["d1", "e", "d", "c"]
    assert index.roots(np.arange(4)).tolist() == [0, 0, 2, 2]
    assert index.named(names).tolist() == [-1, -1, 3, 2, 1]


@pytest.mark.parametrize("harm", ["nothing", "version", "torn", "elsewhere", "list", "deep"])
def test_an_index_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "index"
    index, keys, bands = Index(tmp_path / "new"), np.array([[5, 6]], np.uint64), np.array([[1] * 14], np.uint64)
    added(index, signed(keys, bands), np.arange(1), [GONE], keys[:, 0], ["a"])
    if harm != "nothing":
        index.save(folder)
    if harm == "version":
        (folder / "index.json").write_text('{"version": 99, "segments": []}')
    other = {"elsewhere": '{"version": 3, "segments": ["../secret"]}', "list": "[]", "deep": "[" * 100_000}
    if harm in other:
        (folder / "index.json").write_text(other[harm])
    if harm == "torn":
        path = folder / "0000000000" / "entries00.npy"
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="no index of remembered texts that can be read"):
        Index.open(folder, tmp_path / "more")
