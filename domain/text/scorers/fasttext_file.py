"""What a fastText model's file says of itself, read before fastText does, which hangs or dies on a damaged one."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import UserError

MAGIC, VERSION = 793712314, 12
SUPERVISED = 3
NEGATIVE_SAMPLING, ONE_VS_ALL = 2, 4  # losses under which each answer stands for itself; 1 and 3 are softmax
LOSSES = range(1, 5)
WORD, LABEL = 0, 1  # kinds of entries in the dictionary
MOST = 10**15  # occurrences of a label, less than which the tree of the hierarchical softmax takes for granted
CENTROIDS = 256


@dataclass(frozen=True)
class Classifier:
    """``labels`` as the file has them, with fastText's prefix; ``apart``: do their probabilities not add up to 1?"""

    labels: tuple[str, ...]
    apart: bool


def read_classifier(path: Path) -> Classifier:
    """Walks the whole of a model (.bin, or .ftz: quantised) but its weights; raises ``UserError`` for anything else.

    The format is what FastText::saveModel of fastText 0.9 writes: arguments, dictionary, two matrices.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return walk(Walk(data))
    except (OSError, ValueError, struct.error) as error:
        reason = getattr(error, "strerror", None) or ("it is cut short" if isinstance(error, struct.error) else error)
        fix = "name a .bin or .ftz file of a supervised fastText model"
        raise UserError(str(path), f"cannot be read ({reason})", fix) from None


class Walk:
    """Little-endian numbers one after the other; raises ``struct.error`` where the file ends before them."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """The next numbers, of a layout as in ``struct``."""
        numbers = struct.unpack_from(f"<{layout}", self.data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return numbers

    def skip(self, size: int) -> None:
        """Leave out ``size`` bytes."""
        if not 0 <= size <= len(self.data) - self.at:
            raise struct.error
        self.at += size

    def entries(self, count: int, kind: int) -> list[tuple[bytes, int]]:
        """(word, occurrences) of the dictionary's next entries, which must be of one kind."""
        words = []
        for _ in range(count):
            end = self.data.find(b"\0", self.at)
            if end < 0:
                raise struct.error
            word = self.data[self.at : end]
            self.at = end + 1
            times, label_type = self.take("qb")
            sound(label_type == kind)
            words.append((word, times))
        return words


def walk(file: Walk) -> Classifier:
    """The labels of a sound file; raises ``ValueError`` or ``struct.error``."""
    if file.data[:4] != struct.pack("<i", MAGIC):
        raise ValueError("it is not a fastText model")
    _, version = file.take("2i")
    if version != VERSION:
        raise ValueError(f"version {version} of fastText's format, not {VERSION}")
    dim, _, _, _, _, ngrams, loss, kind, bucket, _, longest, _, _ = file.take("12id")
    if kind != SUPERVISED:
        raise ValueError("it holds word vectors and no labels")
    size, words, labels, _, pruned = file.take("3i2q")
    sound(dim > 0 and loss in LOSSES and words >= 0 and labels > 0 and size == words + labels)
    sound(bucket > 0 or (bucket == 0 and ngrams <= 1 and longest == 0))  # else there are features to hash
    file.entries(words, WORD)
    names = file.entries(labels, LABEL)
    sound(all(0 <= times < MOST for _, times in names))
    if pruned >= 0:  # of the hashed features only these are left, renumbered
        sound(8 * pruned <= len(file.data))
        sound(all(0 <= row < pruned for row in file.take(f"{2 * pruned}i")[1::2]))
    (quantised,) = file.take("?")
    sound(quantised or pruned < 0)
    matrix(file, words + (bucket if pruned < 0 else pruned), dim, quantised)
    (output,) = file.take("?")
    matrix(file, labels, dim, quantised and output)
    return Classifier(tuple(word.decode() for word, _ in names), loss in (NEGATIVE_SAMPLING, ONE_VS_ALL))


def matrix(file: Walk, rows: int, columns: int, quantised: bool) -> None:
    """Pass over a matrix of this shape: float32, or a code for each stretch of a row (product quantisation)."""
    if not quantised:
        sound(file.take("2q") == (rows, columns))
        file.skip(4 * rows * columns)
        return
    normed, *shape, codes = file.take("?2qi")
    sound(shape == [rows, columns])
    file.skip(codes)
    sound(codes == rows * quantiser(file, columns))
    if normed:  # the rows' lengths are quantised apart
        file.skip(rows)
        sound(quantiser(file, 1) == 1)


def quantiser(file: Walk, columns: int) -> int:
    """Pass over the centroids of a quantiser; the stretches into which it cuts a row of so many columns."""
    dimensions, stretches, width, last = file.take("4i")
    sound(dimensions == columns and width > 0 and 0 < last <= width and (stretches - 1) * width + last == columns)
    file.skip(4 * CENTROIDS * columns)
    return int(stretches)


def sound(holds: bool) -> None:
    """Raise ``ValueError`` where the file contradicts itself."""
    if not holds:
        raise ValueError("it is damaged: its sizes do not fit together")
