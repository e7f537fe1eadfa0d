"""A part of the index: sorted columns of hashes that are searched on disk, and compressed ids and splits."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import orjson

LARGEST_SEGMENT = 1 << 24  # texts in a segment: with 24 bits for the text's number, 40 of its hash are left
MAPPED = 1 << 20  # bytes; a smaller file is read whole
PACKED = 1024  # texts whose ids are compressed together: 12 kB are read for one


@dataclass(frozen=True)
class PackedStrings:
    """Strings in compressed blocks."""

    data: np.ndarray  # uint8 [bytes]
    begins: np.ndarray  # int64 [blocks + 1]

    @classmethod
    def of(cls, strings: Sequence[str | None]) -> PackedStrings:
        """Compress."""
        blocks = [zlib.compress(orjson.dumps(strings[i : i + PACKED]), 9) for i in range(0, len(strings), PACKED)]
        begins = np.concatenate(([0], np.cumsum([len(block) for block in blocks]))).astype(np.int64)
        return cls(np.frombuffer(b"".join(blocks), np.uint8), begins)

    def at(self, places: np.ndarray) -> list[str | None]:
        """The strings at these places (int64)."""
        blocks = {number: self.block(number) for number in np.unique(places // PACKED).tolist()}
        return [blocks[place // PACKED][place % PACKED] for place in places.tolist()]

    def strings(self) -> Iterator[str | None]:
        """All of them."""
        return chain.from_iterable(map(self.block, range(len(self.begins) - 1)))

    def block(self, number: int) -> list[str | None]:
        """The strings of a block."""
        begin, end = self.begins[number : number + 2]
        block: list[str | None] = orjson.loads(zlib.decompress(self.data[begin:end].tobytes()))
        return block


@dataclass(frozen=True)
class Segment:
    """Neighbouring texts, numbered from ``first`` on.

    An entry is 64 bits: as many of a hash as the number of the first text that has it, in this segment, leaves. So
    one search finds both.
    """

    first: int
    entries: np.ndarray  # uint64 [entries], sorted within each column: the key's first half, then the bands
    begins: np.ndarray  # int64 [columns + 1]
    seconds: np.ndarray  # uint64 [texts]: the second half of each text's key
    names: np.ndarray  # uint64 [texts]: hash of what its document is called, 0 of a text that did not stay
    links: np.ndarray  # int64 [links, 2], sorted: a text's number, and that of the root of its cluster
    ids: PackedStrings
    splits: PackedStrings

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def shift(self) -> np.uint64:
        """How many bits of an entry are the text's number."""
        return np.uint64(max(1, (len(self) - 1).bit_length()))

    @classmethod
    def of(
        cls, first: int, columns: np.ndarray, new: np.ndarray, seconds: np.ndarray,
        names: np.ndarray, ids: Sequence[str], splits: Sequence[str | None], links: np.ndarray,
    ) -> Segment:  # fmt: skip
        """Texts in their order: ``columns`` uint64 [texts, columns]; only ``new`` hashes (bool, same shape) enter."""
        numbers = [np.flatnonzero(column) for column in new.T]
        hashes = [column[places] for column, places in zip(columns.T, numbers, strict=True)]
        return cls.packed(
            first, hashes, numbers, seconds, names, links, PackedStrings.of(ids), PackedStrings.of(splits)
        )

    @classmethod
    def packed(
        cls, first: int, hashes: Sequence[np.ndarray], numbers: Sequence[np.ndarray], seconds: np.ndarray,
        names: np.ndarray, links: np.ndarray, ids: PackedStrings, splits: PackedStrings,
    ) -> Segment:  # fmt: skip
        """Sort the columns; of entries with the same hash the first stays."""
        shift = np.uint64(max(1, (len(seconds) - 1).bit_length()))
        columns = []
        for column, places in zip(hashes, numbers, strict=True):
            entries = np.sort(column >> shift << shift | places.astype(np.uint64))
            opens = np.concatenate(([True], entries[1:] >> shift != entries[:-1] >> shift))[: len(entries)]
            columns.append(entries[opens])
        begins = np.concatenate(([0], np.cumsum([len(column) for column in columns]))).astype(np.int64)
        links = links[np.argsort(links[:, 0])].astype(np.int64)
        return cls(first, np.concatenate(columns), begins, seconds, names, links, ids, splits)

    def joined(self, other: Segment) -> Segment:
        """This segment and the one that follows it, as one."""
        hashes, numbers = [], []
        for column in range(len(self.begins) - 1):
            both = [each.entries[each.begins[column] : each.begins[column + 1]] for each in (self, other)]
            masks = [(np.uint64(1) << each.shift) - np.uint64(1) for each in (self, other)]
            hashes.append(np.concatenate([entries & ~mask for entries, mask in zip(both, masks, strict=True)]))
            places = [(entries & mask).astype(np.int64) for entries, mask in zip(both, masks, strict=True)]
            numbers.append(np.concatenate((places[0], places[1] + len(self))))
        ids, splits = (
            PackedStrings.of([*one.strings(), *two.strings()])
            for one, two in ((self.ids, other.ids), (self.splits, other.splits))
        )
        seconds, names, links = (
            np.concatenate(pair)
            for pair in ((self.seconds, other.seconds), (self.names, other.names), (self.links, other.links))
        )
        return Segment.packed(self.first, hashes, numbers, seconds, names, links, ids, splits)

    def lookup(self, columns: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """int64 [texts, columns]: the number of the text that first had each hash, or -1."""
        numbers = np.full(columns.shape, -1, np.int64)
        for column, answers in zip(range(columns.shape[1]), numbers.T, strict=True):
            entries = self.entries[self.begins[column] : self.begins[column + 1]]
            if not len(entries):
                continue
            buckets, inverse = np.unique(
                columns[:, column] >> self.shift, return_inverse=True
            )  # sorted: near in memory
            entry = entries[np.minimum(np.searchsorted(entries, buckets << self.shift), len(entries) - 1)]
            number = (entry & ((np.uint64(1) << self.shift) - np.uint64(1))).astype(np.int64)
            answers[:] = np.where(entry >> self.shift == buckets, number + self.first, -1)[inverse]
        alike = np.flatnonzero(numbers[:, 0] >= 0)
        numbers[alike[self.seconds[numbers[alike, 0] - self.first] != seconds[alike]], 0] = -1
        return numbers

    def parents(self, numbers: np.ndarray) -> np.ndarray:
        """int64: what each number is linked to; itself without a link."""
        if not len(self.links):
            return numbers
        places = np.minimum(np.searchsorted(self.links[:, 0], numbers), len(self.links) - 1)
        return np.where(self.links[places, 0] == numbers, self.links[places, 1], numbers)

    def save(self, folder: Path) -> None:
        """Write to a new folder."""
        folder.mkdir()
        strings = {"id_data": self.ids.data, "id_begins": self.ids.begins}
        splits = {"split_data": self.splits.data, "split_begins": self.splits.begins}
        plain = {"first": np.array(self.first), "entries": self.entries, "begins": self.begins, "names": self.names}
        for name, array in {**plain, "seconds": self.seconds, "links": self.links, **strings, **splits}.items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def open(cls, folder: Path) -> Segment:
        """What ``save`` wrote; what is large is read where it is searched. Raises ``OSError``, ``ValueError``."""

        def read(name: str) -> np.ndarray:
            path = folder / f"{name}.npy"
            array: np.ndarray = np.load(path, mmap_mode="r" if path.stat().st_size > MAPPED else None)
            return array

        ids, splits = (PackedStrings(read(f"{name}_data"), read(f"{name}_begins")) for name in ("id", "split"))
        arrays = {name: read(name) for name in ("entries", "begins", "seconds", "names", "links")}
        return cls(first=int(read("first")), ids=ids, splits=splits, **arrays)
