"""Keys and bands of many texts as columns in files, one column in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.dedup.near import Buckets
from domain.text.minhash import BANDS

KEY, SECOND = 0, 1  # the columns of the two halves of a text's key
BAND_COLUMNS = range(2, 2 + BANDS)
SIGNATURE_COLUMNS = 2 + BANDS


@dataclass(frozen=True)
class TextSignatures:
    """The signatures of numbered texts, or of those of them that take part in something."""

    takes_part: np.ndarray  # bool [texts]
    column: Callable[[int], np.ndarray]  # uint64 [texts]: a column of all texts
    shared: Callable[[int], Iterable[Buckets]]  # the buckets of a band's column, or of whole keys by that of ``KEY``


def signature_file(folder: Path, column: int, *, changed: bool) -> Path:
    """Where a column of signatures is (uint64): of the texts as they came, or of those that a filter ``changed``."""
    return folder / f"{'changed' if changed else 'raw'}{column:02}"


def bucket_file(folder: Path, column: int, number: int) -> Path:
    """Where the buckets of a column are, by range of hashes."""
    return folder / f"buckets{column:02}-{number:05}.npz"


def read_buckets(folder: Path, column: int) -> Iterator[Buckets]:
    """The buckets of a column, a range of hashes at a time."""
    for path in sorted(folder.glob(f"buckets{column:02}-*.npz")):
        with np.load(path) as arrays:
            yield Buckets(arrays["members"], arrays["names"])
