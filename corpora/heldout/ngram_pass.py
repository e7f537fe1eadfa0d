"""A pass over some documents of Raw: their n-grams, or those they share with held-out texts; and their pieces."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.heldout.ngrams import sampled, shared
from corpora.heldout.pieces import PIECES, piece_hashes
from domain.jsonlines import parse_line
from domain.machine import Machine
from domain.text.ngrams import Bits
from domain.text.words import Split

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

BATCH = 256  # documents at a time
AT_ONCE = 1 << 20  # n-grams of a table at a time
IN_PLACE = 5_000  # documents that are read here: starting workers takes longer


@dataclass(frozen=True)
class TextNgrams:
    """What was read of some documents."""

    grams: np.ndarray  # uint64, those of one document after the other
    begins: np.ndarray  # int64 [documents + 1]: where those of each begin
    words: np.ndarray  # int64 [documents]: how many words each has
    pieces: np.ndarray  # uint64 [documents, 8]


class ReadNgrams(PipelineStep):  # type: ignore[misc]
    """Rank r reads some rows of a shard and writes ``<r>.npz``: their n-grams one after the other, how many each has,
    how many words each has, and their ``piece_hashes``. With ``tables`` the n-grams are those in these files, else a
    sample.
    """

    name, type = "read n-grams", "reader"

    def __init__(self, shards: list[str], rows: list[np.ndarray], tables: list[str] | None, out: str) -> None:
        super().__init__()
        self.shards, self.rows, self.tables, self.out = shards, rows, tables, out

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Read the rows of this rank."""
        texts, grams = self.texts(rank), list[np.ndarray]()
        words, pieces = list[np.ndarray](), list[np.ndarray]()
        tables, bits = [np.load(path, mmap_mode="r") for path in self.tables or ()], Bits()
        for table in tables:
            for begin in range(0, len(table), AT_ONCE):
                bits.add(table[begin : begin + AT_ONCE])
        while batch := list(islice(texts, BATCH)):
            split = Split(batch)
            grams += sampled(split) if self.tables is None else shared(split, tables, bits)
            words.append(np.diff(split.offsets))
            pieces.append(piece_hashes(split))
        np.savez(
            Path(self.out) / f"{rank:05d}.npz",
            grams=np.concatenate([np.empty(0, np.uint64), *grams]),
            sizes=np.array([len(each) for each in grams], np.int64),
            words=np.concatenate([np.empty(0, np.int64), *words]),
            pieces=np.concatenate([np.empty((0, PIECES), np.uint64), *pieces]),
        )
        yield from ()

    def texts(self, rank: int) -> Iterator[str]:
        """The texts of the rows, one after the other."""
        rows, place = iter(self.rows[rank].tolist()), -1
        with Path(self.shards[rank]).open("rb") as lines:
            for row in rows:
                line = next(islice(lines, row - place - 1, None))
                place = row
                yield parse_line(line)["text"]


def read_ngrams(
    shards: Sequence[str], starts: Sequence[int], documents: np.ndarray, out: Path, machine: Machine, what: str,
    tables: list[str] | None = None,
) -> list[Path]:  # fmt: skip
    """Files of the folder ``out`` with what ``ReadNgrams`` reads of documents (int64, ascending numbers; a shard's
    begin at its start), in their order."""
    from corpora.workers.executor import execute

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    bounds = np.searchsorted(documents, [*starts, np.iinfo(np.int64).max])
    groups = [
        (shard, documents[begin:end] - start)
        for shard, start, begin, end in zip(shards, starts, bounds[:-1], bounds[1:], strict=True)
        if end > begin
    ]
    step = ReadNgrams([shard for shard, _ in groups], [rows for _, rows in groups], tables, str(out))
    if len(documents) <= IN_PLACE:
        for rank in range(len(groups)):
            list(step.run((), rank, len(groups)))
    else:
        execute([step], tasks=len(groups), what=f"curate: {what}", logs=out / "logs", machine=machine)
    return [out / f"{rank:05d}.npz" for rank in range(len(groups))]


def joined(paths: Iterable[Path]) -> TextNgrams:
    """What the ranks wrote, as one."""
    columns: dict[str, list[np.ndarray]] = {
        "grams": [np.empty(0, np.uint64)],
        "sizes": [np.empty(0, np.int64)],
        "words": [np.empty(0, np.int64)],
        "pieces": [np.empty((0, PIECES), np.uint64)],
    }
    for path in paths:
        with np.load(path) as arrays:
            for name, parts in columns.items():
                parts.append(arrays[name])
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    begins = np.concatenate(([0], np.cumsum(whole["sizes"]))).astype(np.int64)
    return TextNgrams(whole["grams"], begins, whole["words"], whole["pieces"])
