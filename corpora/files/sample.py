"""A sample of a dataset's records that is the same every time, and for which a huge dataset is not read as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = 1_000_000_000  # bytes of files, as they lie, that are read as a whole for a sample
FILES = 64  # that are drawn of a larger dataset
THIN = 8  # records that are looked at for one that is taken, of a larger dataset
CHUNK_POSITIONS = 1 << 20  # whose hashes are in memory together
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class DatasetFile:
    """A file of a dataset by its name there, where it lies, and how many bytes it has."""

    name: str
    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class SampledFile:
    """Which records of a file are looked at, by number from 0, and which of them are taken: those of a small hash.

    ``groups`` are (number, first record, the one behind it) of Parquet's row groups, rising; else one of all records.
    """

    file: DatasetFile
    groups: tuple[tuple[int, int, int], ...]
    largest: int = 0  # hash of a record that is taken
    parquet: bool = False

    def hashes(self) -> Iterator[tuple[int, int, NDArray[np.uint64]]]:
        """(number of the group, its first record here, a hash for each), some records at a time."""
        for group, first, end in self.groups:
            for begin in range(first, end, CHUNK_POSITIONS):
                yield group, begin, hashed(self.file.name, begin, min(end, begin + CHUNK_POSITIONS))

    def taken(self) -> Iterator[int]:
        """The numbers of the records that are taken, rising."""
        for _, begin, hashes in self.hashes():
            yield from (begin + np.flatnonzero(hashes <= self.largest)).tolist()

    def row_groups(self) -> set[int]:
        """The row groups that hold any of them."""
        return {group for group, _, hashes in self.hashes() if bool((hashes <= self.largest).any())}


class Counting(Protocol):
    """How many records files hold."""

    def row_groups(self, file: DatasetFile) -> list[int] | None:
        """The rows of each row group; None where a file is no Parquet, or none that can be read."""

    def records(self, file: DatasetFile, most: int | None) -> int:
        """How many records a file holds; it is read no further than ``most``."""


def sample(files: Sequence[DatasetFile], number: int, counting: Counting) -> list[SampledFile]:
    """``number`` records of all, or all where there are no more: which of which files, in the order of ``files``.

    Up to ``WHOLE`` bytes each record has the same chance. Of a larger dataset, ``FILES`` files are drawn by a hash of
    their names, and ``THIN`` times its share is looked at of each: row groups of Parquet, drawn likewise, else its
    first records. Where these are too few, twice as many files, and twice as many of their records, are looked at.
    """
    drawn = sorted(files, key=lambda file: seed(file.name))
    most, width = len(drawn), None
    if sum(file.size for file in files) > WHOLE:
        most = FILES
        width = -(-number * THIN // min(FILES, len(drawn)))
    while True:
        parts = [looked_at(file, width, counting) for file in drawn[:most]]
        whole = most >= len(drawn) and all(not cut for _, cut in parts)
        if whole or sum(end - first for each, _ in parts for _, first, end in each.groups) >= number:
            break
        most, width = 2 * most, None if width is None else 2 * width
    largest, order = largest_hash([each for each, _ in parts], number), {file: at for at, file in enumerate(files)}
    taken = [replace(each, largest=largest) for each, _ in parts if each.groups]
    return sorted(taken, key=lambda each: order[each.file])


def looked_at(file: DatasetFile, width: int | None, counting: Counting) -> tuple[SampledFile, bool]:
    """Which records of a file are looked at, and whether it has more."""
    rows = counting.row_groups(file)
    if rows is None:
        count = counting.records(file, width)
        return SampledFile(file=file, groups=((0, 0, count),)), width is not None and count >= width
    ends = np.cumsum([0, *rows]).tolist()
    groups = [(group, ends[group], ends[group + 1]) for group in range(len(rows))]
    if width is not None and ends[-1] > width:
        groups.sort(key=lambda group: seed(f"{file.name}:{group[0]}"))
        before = np.cumsum([0, *(end - first for _, first, end in groups)])
        groups = groups[: int(np.searchsorted(before, width))]
    return SampledFile(file=file, groups=tuple(sorted(groups)), parquet=True), len(groups) < len(rows)


def largest_hash(files: Sequence[SampledFile], number: int) -> int:
    """The hash up to which records are taken, so that they are ``number``."""
    smallest = np.zeros(0, np.uint64)
    for file in files:
        for _, _, hashes in file.hashes():
            smallest = np.concatenate([smallest, hashes])
            if len(smallest) > number + CHUNK_POSITIONS:
                smallest = np.partition(smallest, number - 1)[:number]
    if len(smallest) <= number:
        return int(np.iinfo(np.uint64).max)
    return int(np.partition(smallest, number - 1)[number - 1])


def seed(name: str) -> int:
    """64 bits of a name's SHA-256."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def hashed(name: str, begin: int, end: int) -> NDArray[np.uint64]:
    """A hash for each record of a file, by its number: SplitMix64 (Steele, Lea and Flood 2014) from the name's seed."""
    mixed = np.arange(begin + 1, end + 1, dtype=np.uint64) * GOLDEN + np.uint64(seed(name))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
