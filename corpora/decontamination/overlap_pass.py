"""A pass over the test documents of a corpus: the n-grams of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from domain.jsonlines import parse_line
from domain.text.ngrams import ngrams_of
from domain.text.words import Split

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

BATCH = 256  # texts split into words together


class HashTestText(PipelineStep):  # type: ignore[misc]
    """Rank r writes ``<r>.npz``: the distinct n-grams of each test document of a filtered shard, in their order."""

    name, type = "hash test text", "reader"

    def __init__(self, filtered: list[str], rows: list[list[int]], words: int, out: str) -> None:
        super().__init__()
        self.filtered, self.rows, self.words, self.out = filtered, rows, words, out

    def run(
        self, data: DocumentsPipeline | Iterable[TroveDocument], rank: int = 0, world_size: int = 1
    ) -> Iterator[TroveDocument]:
        """Hash the test documents of one shard."""
        texts, grams = self.texts(rank), [np.empty(0, np.uint64)]
        sizes = list[int]()
        while batch := list(islice(texts, BATCH)):
            split = Split(batch)
            hashes, begins = ngrams_of(split.hashes, split.offsets, self.words)
            for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
                grams.append(np.unique(hashes[begin:end]))
                sizes.append(len(grams[-1]))
        np.savez(Path(self.out) / f"{rank:05d}.npz", grams=np.concatenate(grams), sizes=np.array(sizes, np.int64))
        yield from ()

    def texts(self, rank: int) -> Iterator[str]:
        """The texts of the test documents of a shard; the others' lines are not parsed."""
        place = -1
        with (Path(self.filtered[rank]) / "clean.jsonl").open("rb") as lines:
            for row in self.rows[rank]:
                yield parse_line(next(islice(lines, row - place - 1, None)))["text"]
                place = row
