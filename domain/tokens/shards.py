"""Token shards on disk: ids in one flat memory-mapped file, document offsets and byte lengths beside it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

SPLITS = ("train", "validation")
PARTS = ("domain", "general")


def id_type(vocabulary: int) -> np.dtype[np.unsignedinteger]:
    """The smallest unsigned type that holds every id of a vocabulary of this many pieces."""
    return np.dtype(np.uint16 if vocabulary <= 2**16 else np.uint32)


def beside(stem: Path, ending: str) -> Path:
    """The file of a shard with this ending."""
    return stem.with_name(stem.name + ending)


class ShardWriter:
    """Writes ``<stem>.bin`` (ids), ``<stem>.offsets.npy`` (int64, documents + 1) and ``<stem>.bytes.npy`` (int64)."""

    def __init__(self, stem: Path, *, vocabulary: int) -> None:
        stem.parent.mkdir(parents=True, exist_ok=True)
        self.stem, self.type = stem, id_type(vocabulary)
        self.offsets, self.sizes = [0], list[int]()

    def __enter__(self) -> Self:
        self.file = beside(self.stem, ".bin").open("wb")
        return self

    def add(self, ids: np.ndarray, size: int) -> None:
        """Append one document of ``ids`` whose text had ``size`` UTF-8 bytes."""
        self.file.write(ids.astype(self.type).tobytes())
        self.offsets.append(self.offsets[-1] + len(ids))
        self.sizes.append(size)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        if error is None:
            np.save(beside(self.stem, ".offsets.npy"), np.asarray(self.offsets, dtype=np.int64))
            np.save(beside(self.stem, ".bytes.npy"), np.asarray(self.sizes, dtype=np.int64))
            np.save(beside(self.stem, ".type.npy"), np.empty(0, dtype=self.type))

    @property
    def documents(self) -> int:
        """Documents written so far."""
        return len(self.sizes)

    @property
    def tokens(self) -> int:
        """Ids written so far, begin and end included."""
        return self.offsets[-1]

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the texts written so far."""
        return sum(self.sizes)


class Shard:
    """One split and part, read through the page cache: memory does not grow with its size."""

    def __init__(self, stem: Path) -> None:
        kind = np.load(beside(stem, ".type.npy")).dtype
        path = beside(stem, ".bin")
        self.ids: np.ndarray = np.memmap(path, dtype=kind, mode="r") if path.stat().st_size else np.empty(0, dtype=kind)
        self.offsets: np.ndarray = np.load(beside(stem, ".offsets.npy"))
        self.sizes: np.ndarray = np.load(beside(stem, ".bytes.npy"))

    def __len__(self) -> int:
        """Documents."""
        return len(self.sizes)

    @property
    def tokens(self) -> int:
        """Ids of all documents, begin and end included."""
        return int(self.offsets[-1])

    def document(self, index: int) -> np.ndarray:
        """The ids of one document, ``[begin] ids [end]``."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]
