"""Documents made by hand, in memory and on disk: each id tells its document and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from domain.tokens.packing import SourceDocuments
from domain.tokens.shards import ShardWriter

STRIDE = 10_000  # token t of document d is STRIDE * d + t


class Held:
    """Documents of these lengths, in memory."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = lengths

    def document(self, index: int) -> np.ndarray:
        return np.arange(STRIDE * index, STRIDE * index + self.lengths[index])


def source_of(lengths: Sequence[int], name: str = "calls") -> SourceDocuments:
    """One source with these documents."""
    return SourceDocuments(Held(lengths), "domain", name, np.arange(len(lengths)), np.array(lengths, dtype=np.int64))


def written(folder: Path, parts: Mapping[str, Mapping[str, Sequence[int]]], shards: int = 2) -> Any:
    """Tokens whose sources in ``parts`` have documents of these lengths, dealt to shards source by source in turn.

    Documents are numbered over all parts, so that every id in it is there once.
    """
    number = 0
    for part, sources in parts.items():
        waiting = {name: list(lengths) for name, lengths in sources.items()}
        found = []
        while any(waiting.values()):
            found += [(name, lengths.pop(0)) for name, lengths in waiting.items() if lengths]
        for shard in range(shards):
            with ShardWriter(folder / "train" / f"{part}-{shard:05}", vocabulary=10**6) as writer:
                for name, length in found[len(found) * shard // shards : len(found) * (shard + 1) // shards]:
                    ids = np.arange(STRIDE * number, STRIDE * number + length)
                    writer.add(ids, length, source=name, name=f"{name}-{number}")
                    number += 1
    return SimpleNamespace(path=folder)
