"""One way to split a text into words, and stable 64-bit hashes of them."""

from __future__ import annotations

import re
from hashlib import blake2b
from unicodedata import normalize

import numpy as np

WORD = re.compile(r"\w+")
REMEMBERED = 1_000_000  # words whose hash is kept; the rest is computed again


class _Hashes(dict[str, int]):
    """Hashes of words, each computed once: text repeats its words, and a look-up is 20 times a hash."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")
        if len(self) < REMEMBERED:
            self[word] = value
        return value


_hashes = _Hashes()


def words(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, digits and underscores.

    In Unicode's form NFKC: a text that writes its accents or ligatures otherwise has the same words.
    """
    return WORD.findall((text if text.isascii() else normalize("NFKC", text)).lower())


def word_hashes(split: list[str]) -> np.ndarray:
    """uint64 [words]: the same in every process and on every machine."""
    return np.fromiter(map(_hashes.__getitem__, split), dtype=np.uint64, count=len(split))
