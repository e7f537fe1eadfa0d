"""Many strings in one file, compressed in blocks, so that few are read to find one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import orjson

PACKED = 1024  # strings that are compressed together: 12 kB are read for the id of one text


class StringWriter:
    """Writes strings one after the other: ``path`` takes the blocks, ``<path>.npy`` where each begins."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, path.open("wb")
        self.begins, self.waiting = [0], list[str]()

    def add(self, strings: Iterable[str]) -> None:
        """Append."""
        stream = iter(strings)
        while some := list(islice(stream, PACKED - len(self.waiting))):
            self.waiting += some
            if len(self.waiting) == PACKED:
                self.write()

    def write(self) -> None:
        """Compress what waits."""
        self.begins.append(self.begins[-1] + self.file.write(zlib.compress(orjson.dumps(self.waiting), 9)))
        self.waiting.clear()

    def close(self) -> None:
        """Write what is left."""
        if self.waiting:
            self.write()
        self.file.close()
        np.save(f"{self.path}.npy", np.array(self.begins, np.int64))


class PackedStrings:
    """The strings that a ``StringWriter`` wrote. Raises ``OSError`` or ``ValueError`` where they cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path, self.begins = path, np.load(f"{path}.npy")

    def at(self, places: np.ndarray) -> list[str]:
        """The strings at these places (int64)."""
        blocks = {number: self.block(number) for number in np.unique(places // PACKED).tolist()}
        return [blocks[place // PACKED][place % PACKED] for place in places.tolist()]

    def strings(self) -> Iterator[str]:
        """All of them."""
        return chain.from_iterable(map(self.block, range(len(self.begins) - 1)))

    def block(self, number: int) -> list[str]:
        """The strings of a block."""
        begin, end = self.begins[number : number + 2].tolist()
        with self.path.open("rb") as file:
            file.seek(begin)
            block: list[str] = orjson.loads(zlib.decompress(file.read(end - begin)))
        return block
