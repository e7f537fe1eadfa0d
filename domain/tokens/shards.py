"""All token shards of a part, read as one: look up any document or token by number."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from domain.tokens.shard import Shard, ShardWriter, beside, id_type

__all__ = ["SPLITS", "Shard", "ShardWriter", "Shards", "beside", "id_type"]

SPLITS = ("train", "validation")
MAPPED = 128  # files that are open at once; a process may have 1,024


class Shards:
    """All shards of a part, in the order of their names, as one: memory is 50 bytes a document, whatever its length.

    ``lengths`` int64 [documents], in ids with begin and end; ``sizes`` int64 [documents], in UTF-8 bytes; ``sources``
    int32 [documents], into ``source_names``. A part without text has no shard and no documents.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.folder, self.part = folder, part
        names = {path.name.partition(".")[0] for path in folder.glob(f"{part}-*.*")}
        self.shards = [Shard(folder / name) for name in sorted(names)]
        self.source_names: list[str] = list(dict.fromkeys(name for each in self.shards for name in each.source_names))
        places = {name: place for place, name in enumerate(self.source_names)}
        renumbered = [np.array([places[name] for name in s.source_names], np.int32)[s.sources] for s in self.shards]
        self.lengths: np.ndarray = joined([np.diff(each.offsets) for each in self.shards], np.int64)
        self.sizes: np.ndarray = joined([each.sizes for each in self.shards], np.int64)
        self.sources: np.ndarray = joined(renumbered, np.int32)
        self.firsts = np.cumsum([0, *(len(each) for each in self.shards)])
        self.begins = np.cumsum([0, *(each.tokens for each in self.shards)])
        self.ids = lru_cache(maxsize=MAPPED)(lambda number: self.shards[number].ids)

    def __reduce__(self) -> tuple[type[Shards], tuple[Path, str]]:
        """Another process opens the files itself."""
        return type(self), (self.folder, self.part)

    def __len__(self) -> int:
        """Documents."""
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        """Ids of all documents, begin and end included."""
        return int(self.begins[-1])

    def place(self, index: int) -> tuple[int, int]:
        """The number of the shard that holds a document, and the document's number there."""
        if not 0 <= index < len(self):
            raise IndexError(f"document {index} of {len(self)}")
        shard = int(np.searchsorted(self.firsts, index, side="right")) - 1
        return shard, index - int(self.firsts[shard])

    def document(self, index: int) -> np.ndarray:
        """The ids of one document, ``[begin] ids [end]``; mapped, not read."""
        shard, number = self.place(index)
        offsets = self.shards[shard].offsets
        ids: np.ndarray = self.ids(shard)[offsets[number] : offsets[number + 1]]
        return ids

    def id(self, index: int) -> str:
        """The id of one document, as the corpus has it."""
        shard, number = self.place(index)
        return self.shards[shard].id(number)

    def trace(self, position: int) -> tuple[int, str, str]:
        """(number, id, source) of the document that the token at ``position`` of all ``tokens`` belongs to."""
        if not 0 <= position < self.tokens:
            raise IndexError(f"token {position} of {self.tokens}")
        shard = int(np.searchsorted(self.begins, position, side="right")) - 1
        within = np.searchsorted(self.shards[shard].offsets, position - self.begins[shard], side="right") - 1
        number = int(self.firsts[shard] + within)
        return number, self.id(number), self.source_names[self.sources[number]]


def joined(arrays: list[np.ndarray], kind: type[np.generic]) -> np.ndarray:
    """The arrays one behind the other; none give an empty one."""
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind, copy=False)
