"""A pass over all signatures, one task for each column and range of hashes, that finds texts with equal hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datatrove.data import Document as TroveDocument
from datatrove.pipeline.base import PipelineStep

from corpora.dedup.near import Buckets
from corpora.dedup.signatures import BAND_COLUMNS, KEY, SECOND, bucket_file, signature_file
from domain.machine import Machine

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LARGEST_RANGE = 1 << 24  # signatures that a task sorts: 0.5 GB
IN_PLACE = 200_000  # signatures that are sorted here: starting workers takes longer
AT_ONCE = 1 << 20  # hashes read at a time
HASH_BITS = 64


class FindBuckets(PipelineStep):  # type: ignore[misc]
    """Rank r finds the buckets of one column among the hashes of one range, by their first bits.

    Members are numbers of signatures: those of the texts as they came, then those of the changed ones.
    """

    name, type = "find buckets", "reader"

    def __init__(self, folder: str, bits: int) -> None:
        super().__init__()
        self.folder, self.bits = folder, bits
        self.tasks = [(column, number) for column in (KEY, *BAND_COLUMNS) for number in range(1 << bits)]

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[TroveDocument]:
        """Write the buckets of this rank."""
        column, number = self.tasks[rank]
        hashes, numbers = self.in_range(column, number)
        buckets = Buckets.of(hashes, numbers)
        del hashes, numbers
        if column == KEY:
            buckets = buckets.divided(self.seconds(buckets.members))
        with bucket_file(Path(self.folder), column, number).open("wb") as file:
            np.savez(file, members=buckets.members, names=buckets.names)
        yield from ()

    def chunks(self, column: int) -> Iterator[np.ndarray]:
        """A column of all signatures, some at a time."""
        for changed in (False, True):
            with signature_file(Path(self.folder), column, changed=changed).open("rb") as file:
                while len(chunk := np.fromfile(file, np.uint64, AT_ONCE)):
                    yield chunk

    def in_range(self, column: int, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """(hashes: uint64, signatures: int64) of the range; where there is one range alone, all, without numbers."""
        if not self.bits:
            return np.concatenate([np.empty(0, np.uint64), *self.chunks(column)]), None
        start, hashes, numbers = 0, list[np.ndarray](), list[np.ndarray]()
        for chunk in self.chunks(column):
            here = np.flatnonzero(chunk >> np.uint64(HASH_BITS - self.bits) == number)
            hashes.append(chunk[here])
            numbers.append(start + here)
            start += len(chunk)
        return np.concatenate(hashes), np.concatenate(numbers)

    def seconds(self, members: np.ndarray) -> np.ndarray:
        """uint64 [members]: the second half of each one's key."""
        values, start = np.empty(len(members), np.uint64), 0
        for chunk in self.chunks(SECOND):
            here = np.flatnonzero((members >= start) & (members < start + len(chunk)))
            values[here] = chunk[members[here] - start]
            start += len(chunk)
        return values


def find_buckets(folder: Path, signatures: int, machine: Machine, logs: Path) -> None:
    """Find the buckets of every column of ``signatures`` in a folder; more workers take more memory, 0.5 GB each."""
    from corpora.workers.executor import execute

    step = FindBuckets(str(folder), (max(0, signatures - 1) // LARGEST_RANGE).bit_length())
    if signatures <= IN_PLACE:
        for rank in range(len(step.tasks)):
            list(step.run((), rank, len(step.tasks)))
    else:
        execute([step], tasks=len(step.tasks), what="curate: find duplicates", logs=logs, machine=machine)
