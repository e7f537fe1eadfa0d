"""Long texts in stretches: a scorer that learned from posts judges a report window by window."""

from __future__ import annotations

import numpy as np


def window_bounds(offsets: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """(bounds int64 [windows + 1], owner int64 [windows]): each text's words in equal windows of at most ``limit``.

    ``offsets`` are those of a ``Split``. A text without words has one empty window.
    """
    words = np.diff(offsets)
    counts = np.maximum(1, -(-words // limit))
    owner = np.repeat(np.arange(len(words)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = offsets[:-1][owner] + words[owner] * place // counts[owner]
    return np.append(begins, offsets[-1]), owner


def window_means(values: np.ndarray, owner: np.ndarray, texts: int) -> np.ndarray:
    """float64 [texts, columns]: the mean of ``values`` [windows, columns] over each text's windows."""
    totals = np.zeros((texts, values.shape[1]))
    np.add.at(totals, owner, values)
    return np.asarray(totals / np.bincount(owner, minlength=texts)[:, None])
