"""What the rules on words count in each of many texts: words, their letters and lengths, scripts without spaces."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from domain.text.words import LETTER_PLANES, UNSPACED, Split, chunks

UNDERSCORES, DIGITS, LETTERS, ALONE = 0, 1, 2, 3  # what a word is, by the highest of its characters


@dataclass(frozen=True, eq=False)
class Counts:
    """For each text, int64 [texts]: ``words``; ``spoken``, those with a letter or digit; ``characters`` of these;
    ``lettered``, those with a letter. ``unspaced`` (bool): most words are single characters of a script without
    spaces.
    """

    words: np.ndarray
    spoken: np.ndarray
    characters: np.ndarray
    lettered: np.ndarray
    unspaced: np.ndarray

    @classmethod
    def of(cls, split: Split) -> Counts:
        """Of a split's texts."""
        kinds = word_kinds(split)
        words = np.diff(split.offsets)
        spoken = kinds > UNDERSCORES
        return cls(
            words=words,
            spoken=sums(spoken, split.offsets),
            characters=sums((split.ends - split.starts) * spoken, split.offsets),
            lettered=sums(kinds >= LETTERS, split.offsets),
            unspaced=2 * sums(kinds == ALONE, split.offsets) > words,
        )


def sums(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """int64 [texts]: the sum over each text's words, 0 for a text without any."""
    running = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=running[1:])
    return np.diff(running[offsets])


def word_kinds(split: Split) -> np.ndarray:
    """uint8 [words]: what each word is."""
    kinds = np.zeros(len(split.hashes), dtype=np.uint8)
    text = 0
    for texts in chunks(split.texts):
        first, last = split.offsets[text], split.offsets[text + len(texts)]
        if last > first:
            joined = "\n".join(texts)
            if joined.isascii():
                values = np.frombuffer(joined.encode().translate(ascii_kinds()), np.uint8)
            else:
                codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
                values = character_kinds().take(np.minimum(codes, LETTER_PLANES))
            begins = np.cumsum([0, *(len(each) + 1 for each in texts[:-1])])
            shift = np.repeat(begins, np.diff(split.offsets[text : text + len(texts) + 1]))
            # What stands between two words counts as nothing, so each stretch may run on to the next word.
            kinds[first:last] = np.maximum.reduceat(values, split.starts[first:last] + shift)
        text += len(texts)
    return kinds


@lru_cache(maxsize=1)
def character_kinds() -> np.ndarray:
    """uint8 [code points]: what each character makes of its word. 0 for what is in no word."""
    kinds = np.zeros(LETTER_PLANES + 1, dtype=np.uint8)
    for code in range(LETTER_PLANES):
        letter = chr(code)
        kinds[code] = LETTERS if letter.isalpha() else DIGITS if letter.isalnum() else UNDERSCORES
    for first, last in UNSPACED:
        for code in range(first, last + 1):
            if kinds[code] or unicodedata.category(chr(code))[0] == "M":  # a vowel sign is a word there, too
                kinds[code] = ALONE
    return kinds


@lru_cache(maxsize=1)
def ascii_kinds() -> bytes:
    """The same of ASCII, as a table for ``bytes.translate``."""
    return character_kinds()[:0x100].tobytes()
