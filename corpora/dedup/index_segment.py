"""A segment of the index: sorted columns of hashes that are searched on disk, and compressed ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from corpora.dedup.packed_strings import PackedStrings, StringWriter
from corpora.dedup.signatures import BAND_COLUMNS, KEY

LARGEST_SEGMENT = 1 << 24  # texts in a segment: with 24 bits for the text's number, 40 of its hash are left
ENTRIES = (KEY, *BAND_COLUMNS)  # columns of hashes by which a text is found
MAPPED = 1 << 20  # bytes; a smaller file is read whole


@dataclass(frozen=True)
class Segment:
    """Neighbouring texts, numbered from ``first`` on, in a folder of arrays; each is opened when it is used.

    ``entries<column>``: uint64, sorted, for the key's first half and each band. An entry has as many bits of a hash as
    the number of the first text that has it, in this segment, leaves. So one search finds both.
    By text: ``seconds`` (uint64), the second half of its key; ``names`` (uint64), hash of what its document is called,
    0 of a text that did not stay; ``splits`` (uint8); ``places`` (int32), its place among ``ids``.
    ``links`` (int64 [links, 2], sorted): a text's number, and that of the root of its cluster.
    """

    folder: Path
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    @classmethod
    def open(cls, folder: Path) -> Segment:
        """A segment that was written. Raises ``OSError`` or ``ValueError`` where one of its files cannot be read."""
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        return cls(folder, int(folder.name), len(arrays["splits"]))

    def array(self, name: str) -> np.ndarray:
        """An array; a large one is read where it is searched. Raises ``OSError``, ``ValueError``."""
        path = self.folder / f"{name}.npy"
        array: np.ndarray = np.load(path, mmap_mode="r" if path.stat().st_size > MAPPED else None)
        return array

    def put(self, name: str, array: np.ndarray) -> None:
        """Write an array."""
        np.save(self.folder / f"{name}.npy", array)

    @property
    def ids(self) -> PackedStrings:
        """The ids of its texts, in the order in which they came."""
        return PackedStrings(self.folder / "ids")

    @property
    def shift(self) -> np.uint64:
        """How many bits of an entry are the text's number."""
        return np.uint64(max(1, (self.count - 1).bit_length()))

    @property
    def mask(self) -> np.uint64:
        """These bits."""
        return (np.uint64(1) << self.shift) - np.uint64(1)

    def put_entries(self, column: int, entries: np.ndarray) -> None:
        """Sort and write a column's entries (uint64, changed in place); of those with equal hashes the first stays."""
        entries.sort()
        opens = np.append(True, (entries[1:] ^ entries[:-1]) > self.mask)[: len(entries)]
        self.put(entries_of(column), entries if opens.all() else entries[opens])

    def put_links(self, links: np.ndarray) -> None:
        """Sort and write links (int64 [links, 2])."""
        self.put("links", links[np.argsort(links[:, 0])].astype(np.int64))

    def put_ids(self, ids: Iterable[str]) -> None:
        """Write ids, in the order in which they came."""
        writer = StringWriter(self.folder / "ids")
        writer.add(ids)
        writer.close()

    def joined(self, other: Segment, folder: Path) -> Segment:
        """This segment and the one that follows it, as one in an empty folder."""
        both = Segment(folder, self.first, len(self) + len(other))
        for column in ENTRIES:
            parts = []
            for each, before in ((self, 0), (other, len(self))):
                entries = np.array(each.array(entries_of(column)))
                places = (entries & each.mask) + np.uint64(before)
                entries &= ~both.mask
                entries |= places
                parts.append(entries)
            both.put_entries(column, np.concatenate(parts))
        for name in ("seconds", "names", "splits"):
            both.put(name, np.concatenate((self.array(name), other.array(name))))
        both.put("places", np.concatenate((self.array("places"), other.array("places") + np.int32(len(self)))))
        both.put_links(np.concatenate((self.array("links"), other.array("links"))))
        both.put_ids(chain(self.ids.strings(), other.ids.strings()))
        return both

    def lookup(self, column: int, hashes: np.ndarray) -> np.ndarray:
        """int64 [texts]: the number of the text that first had each hash (uint64 [texts]), or -1."""
        entries, shift = self.array(entries_of(column)), self.shift
        if not len(entries):
            return np.full(len(hashes), -1, np.int64)
        buckets, inverse = np.unique(hashes >> shift, return_inverse=True)  # sorted: near in memory
        entry = entries[np.minimum(np.searchsorted(entries, buckets << shift), len(entries) - 1)]
        number = (entry & self.mask).astype(np.int64)
        answers: np.ndarray = np.where(entry >> shift == buckets, number + self.first, -1)[inverse]
        return answers

    def lookup_keys(self, hashes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """int64 [texts]: the first text with each key, by both of its halves (uint64 [texts]), or -1."""
        numbers = self.lookup(KEY, hashes)
        alike = np.flatnonzero(numbers >= 0)
        numbers[alike[self.array("seconds")[numbers[alike] - self.first] != seconds[alike]]] = -1
        return numbers

    def parents(self, numbers: np.ndarray) -> np.ndarray:
        """int64: what each number is linked to; itself without a link."""
        links = self.array("links")
        if not len(links):
            return numbers
        places = np.minimum(np.searchsorted(links[:, 0], numbers), len(links) - 1)
        return np.where(links[places, 0] == numbers, links[places, 1], numbers)


def entries_of(column: int) -> str:
    """The name of the array with a column's entries."""
    return f"entries{column:02}"
