"""Sorts many hashes with the numbers of their texts in files, one range of hashes in memory at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

LARGEST_RANGE = 1 << 22  # hashes that are sorted together: 150 MB
HASH_BITS = 64


class RangeSort:
    """Takes hashes in any order and gives them back sorted, equal ones by their texts."""

    def __init__(self, folder: Path, count: int) -> None:
        """Write to a folder of its own; ``count`` is how many hashes come, roughly."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.bits = folder, (count // LARGEST_RANGE).bit_length()

    def path(self, number: int, what: str) -> Path:
        """Where the hashes of a range lie, or their texts."""
        return self.folder / f"{what}{number}"

    def add(self, hashes: np.ndarray, texts: np.ndarray) -> None:
        """Take hashes (uint64) and the text of each (int)."""
        ranges = np.zeros(len(hashes), np.uint64) if not self.bits else hashes >> np.uint64(HASH_BITS - self.bits)
        order = np.argsort(ranges, kind="stable")
        numbers, begins = np.unique(ranges[order], return_index=True)
        for number, places in zip(numbers.tolist(), np.split(order, begins[1:]), strict=False):  # none at all are split
            for what, values in (("hashes", hashes), ("texts", texts.astype(np.int32))):
                with self.path(number, what).open("ab") as file:
                    values[places].tofile(file)

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(hashes: uint64, texts: int32), range after range."""
        for number in range(1 << self.bits):
            if self.path(number, "hashes").exists():
                hashes = np.fromfile(self.path(number, "hashes"), np.uint64)
                texts = np.fromfile(self.path(number, "texts"), np.int32)
                order = np.lexsort((texts, hashes))
                yield hashes[order], texts[order]
        yield np.empty(0, np.uint64), np.empty(0, np.int32)  # so that there is one


@dataclass(frozen=True)
class ArrayParts:
    """An array in parts along its first axis, at least one; one of them is in memory."""

    parts: Iterable[np.ndarray]

    def save(self, path: Path) -> None:
        """Write it as ``np.save`` does."""
        rows = 0
        with path.open("wb") as file:
            for part in self.parts:
                if not file.tell():
                    write_header(file, part, 0)
                part.tofile(file)
                rows += len(part)
            file.seek(0)
            write_header(file, part, rows)


def write_header(file: BinaryIO, part: np.ndarray, rows: int) -> None:
    """The head of an array of such parts; numpy pads it, so that one of more rows takes as many bytes."""
    about = {"descr": part.dtype.str, "fortran_order": False, "shape": (rows, *part.shape[1:])}
    np.lib.format.write_array_header_1_0(file, about)
