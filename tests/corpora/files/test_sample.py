"""Which records a sample takes: the same every time, from all over the dataset, and for little reading."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from corpora.files import sample as module
from corpora.files.sample import THIN, DatasetFile, SampledFile, hashed, sample


@dataclass
class Dataset:
    """Files that hold so many records, or rows by row group, and what was asked of them."""

    held: dict[str, int | list[int]]
    size: int = 1
    read: dict[str, int] = field(default_factory=dict)

    def files(self) -> list[DatasetFile]:
        return [DatasetFile(name=name, path=name, size=self.size) for name in self.held]

    def row_groups(self, file: DatasetFile) -> list[int] | None:
        rows = self.held[file.name]
        return rows if isinstance(rows, list) else None

    def records(self, file: DatasetFile, most: int | None) -> int:
        count = self.held[file.name]
        assert isinstance(count, int)
        self.read[file.name] = count if most is None else min(count, most)
        return self.read[file.name]

    def taken(self, number: int) -> dict[str, list[int]]:
        return {each.file.name: list(each.taken()) for each in sample(self.files(), number, self)}


def test_the_hash_is_splitmix64(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first outputs for the seed 1234567, as Vigna's C code gives them."""
    monkeypatch.setattr(module, "seed", lambda name: 1234567)
    first = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert hashed("x", 0, 4).tolist() == first
    assert hashed("x", 2, 4).tolist() == first[2:]


@pytest.mark.parametrize("number", [1, 2, 99, 1_000, 5_999, 6_000])
def test_it_is_of_exactly_that_size_the_same_every_time_and_grows(number: int) -> None:
    dataset = Dataset({"b": 1_000, "a": [500, 1_500], "c": 3_000, "empty": 0})
    taken = dataset.taken(number)
    assert sum(map(len, taken.values())) == number
    assert all(places == sorted(set(places)) for places in taken.values())
    assert list(taken) == ["b", "a", "c", "empty"]
    assert dataset.taken(number) == taken
    more = dataset.taken(min(6_000, number + 500))
    assert all(set(places) <= set(more[name]) for name, places in taken.items())


def test_where_there_are_no_more_all_are_taken() -> None:
    assert Dataset({"a": 3, "b": [2, 2]}).taken(100) == {"a": [0, 1, 2], "b": [0, 1, 2, 3]}
    assert Dataset({}).taken(5) == {}


def test_each_record_of_a_small_dataset_has_the_same_chance() -> None:
    """Of 40,000 in four tenths and a file of a tenth of that: counts within four standard deviations (binomial)."""
    taken = Dataset({"a": 36_000, "b": 4_000}).taken(4_000)
    assert abs(len(taken["b"]) - 400) < 4 * (4_000 * 0.1 * 0.9) ** 0.5
    tenths = [sum(place // 3_600 == tenth for place in taken["a"]) for tenth in range(10)]
    assert all(abs(count - 360) < 4 * (3_600 * 0.1 * 0.9) ** 0.5 for count in tenths)


def test_files_of_other_names_give_other_records() -> None:
    assert Dataset({"a": 1_000}).taken(100)["a"] != Dataset({"b": 1_000}).taken(100)["b"]


def test_a_huge_dataset_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES", 8)
    dataset = Dataset({f"{n:03}": 10**6 for n in range(500)}, size=10**9)
    taken = dataset.taken(1_000)
    assert sum(map(len, taken.values())) == 1_000
    assert len(dataset.read) == len(taken) == 8
    assert sum(dataset.read.values()) == 1_000 * THIN
    assert sorted(taken) != [f"{n:03}" for n in range(8)]
    assert all(len(places) > 50 for places in taken.values())


def test_of_a_huge_dataset_in_parquet_row_groups_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES", 4)
    dataset = Dataset({f"{n}": [1_000] * 300 for n in range(50)}, size=10**9)
    chosen = sample(dataset.files(), 1_000, dataset)
    assert [len(each.groups) for each in chosen] == [2] * 4
    assert len({each.groups[0][0] for each in chosen}) > 1
    assert max(each.groups[-1][0] for each in chosen) > 100  # not the first ones
    assert sum(len(list(each.taken())) for each in chosen) == 1_000
    for each in chosen:
        first = {group: begin for group, begin, _ in each.groups}
        assert {place // 1_000 for place in each.taken()} == each.row_groups() == set(first)
        assert all(begin == 1_000 * group for group, begin in first.items())


@pytest.mark.parametrize("rows", [3, [1, 2]])
def test_where_those_are_too_few_more_files_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, rows: int | list[int]
) -> None:
    monkeypatch.setattr(module, "FILES", 2)
    dataset = Dataset({f"{n}": rows for n in range(9)}, size=10**9)
    assert sum(map(len, dataset.taken(20).values())) == 20
    assert sum(map(len, dataset.taken(500).values())) == 27


def test_many_records_are_hashed_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Dataset({"a": 1_000, "b": [400, 300]})
    taken = whole.taken(50)
    monkeypatch.setattr(module, "CHUNK_POSITIONS", 7)
    assert whole.taken(50) == taken
    assert list(SampledFile(file=whole.files()[0], groups=((0, 0, 9),)).taken()) == []
