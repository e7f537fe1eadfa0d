"""fastText models made by hand: the documented format, number by number."""

from __future__ import annotations

import struct
from collections.abc import Sequence

HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
VECTORS = {"</s>": (0.0, 0.0), "vile": (6.0, 0.0), "foul": (0.0, 6.0), "kind": (-6.0, -6.0)}
OUTPUT = {"__label__toxic": (1.0, 0.0), "__label__insult": (0.0, 1.0), "__label__nontoxic": (0.0, 0.0)}
LABELS = tuple(OUTPUT)


def model(
    *, loss: int = SOFTMAX, kind: int = 3, labels: Sequence[str] = LABELS, quantised: bool = False, version: int = 12
) -> bytes:
    """A model of two dimensions that knows four words, the end of a line among them; no parts of words, no pairs."""
    dim, words = 2, tuple(VECTORS)
    made = struct.pack("<2i", 793712314, version)
    # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
    made += struct.pack("<12id", dim, 5, 5, 1, 5, 1, loss, kind, 0, 0, 0, 100, 1e-4)
    made += struct.pack("<3i2q", len(words) + len(labels), len(words), len(labels), 100, -1)
    for entry, names in enumerate((words, labels)):
        for name in names:
            made += name.encode() + b"\0" + struct.pack("<qb", 10, entry)
    made += coded(list(VECTORS.values())) if quantised else b"\0" + dense(list(VECTORS.values()))
    return made + b"\0" + dense([OUTPUT[label] for label in labels])


def dense(rows: Sequence[tuple[float, ...]]) -> bytes:
    """Rows, columns, then the numbers row by row."""
    return struct.pack("<2q", len(rows), len(rows[0])) + b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


def coded(rows: Sequence[tuple[float, ...]]) -> bytes:
    """Each row is one stretch, and its code is its number among the 256 centroids, which are the rows themselves."""
    columns = len(rows[0])
    made = b"\1" + struct.pack("<?2qi", False, len(rows), columns, len(rows)) + bytes(range(len(rows)))
    centroids = [*rows, *[(0.0,) * columns] * (256 - len(rows))]
    made += struct.pack("<4i", columns, 1, columns, columns)
    return made + b"".join(struct.pack(f"<{columns}f", *row) for row in centroids)
