"""Equal texts: the first one stays."""

from __future__ import annotations

import hashlib

import numpy as np


def text_key(text: str) -> bytes:
    """16 bytes of the text's SHA-256, case and white space folded."""
    return hashlib.sha256(" ".join(text.lower().split()).encode()).digest()[:16]


def first_of_equals(keys: np.ndarray) -> np.ndarray:
    """int64 [texts]: the index of the first text with the same key (``S16`` [texts]); itself where it is the first."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)
