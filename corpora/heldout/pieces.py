"""A text in eight pieces, by which it is recognised after a word or two were changed.

Word n-grams miss a short text of which others have all but a few (a dividend is declared in the same 20 words by
everybody). Where two words are replaced, six of eight pieces are still equal, each in its place.
"""

from __future__ import annotations

import numpy as np

from domain.text.words import Split, mixed

PIECES = 8
REPLACED = 2  # words that may be others
SHORT_WORDS, FEWEST_PIECES = 12, 4  # below so many words only one may; with fewer pieces a text is compared as a whole
FACTORS = mixed(np.arange(1, 4, dtype=np.uint64)) | np.uint64(1)


def piece_counts(words: np.ndarray) -> np.ndarray:
    """int64: into how many pieces of two words or more texts of so many words (int64) are divided; 0 for short ones."""
    counts = np.minimum(words // 2, PIECES)
    return np.where(counts < FEWEST_PIECES, 0, counts)


def equal_pieces_needed(words: np.ndarray) -> np.ndarray:
    """int64: how many pieces of a text of so many words (int64) must be equal."""
    return piece_counts(words) - np.where(words < SHORT_WORDS, 1, REPLACED)


def piece_hashes(split: Split) -> np.ndarray:
    """uint64 [texts, 8]: a hash of each piece's words, its place and the text's length; 0 where there is no piece."""
    words = np.diff(split.offsets)
    counts = piece_counts(words)
    hashes = np.zeros((len(words), PIECES), np.uint64)
    texts = np.repeat(np.arange(len(words)), words)
    place = np.arange(len(texts)) - np.repeat(split.offsets[:-1], words)
    piece = place * counts[texts] // words[texts]
    values = mixed(split.hashes + place.astype(np.uint64) * FACTORS[0])
    np.add.at(hashes, (texts, piece), values)
    salts = np.arange(PIECES, dtype=np.uint64) * FACTORS[1] + words[:, None].astype(np.uint64) * FACTORS[2]
    return np.where(np.arange(PIECES) < counts[:, None], mixed((hashes + salts).ravel()).reshape(hashes.shape), 0)
