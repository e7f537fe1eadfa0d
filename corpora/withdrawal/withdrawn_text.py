"""The hashes by which a withdrawn text is recognised anywhere; they contain none of its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from corpora.dedup.exact import exact_keys
from domain.text.fold import fold_words
from domain.text.minhash import BANDS, SHINGLE, band_hashes
from domain.text.ngrams import MULTIPLIER
from domain.text.words import Split, mixed

SHORT = 128  # words; with one more in a longer text, 0.9999 of its copies share a band


@dataclass(frozen=True, kw_only=True)
class TextSignature:
    """``key``: of the text with case and space folded (32 hex digits); ``bands``: its 14 MinHash bands, none for less
    than 5 words. Of 5 to 128 words, in which one word weighs too much for bands, also ``words``, a hash of all words in
    their order, and ``shorter``, the hashes without each of them.
    """

    key: str
    bands: tuple[int, ...] = ()
    words: int | None = None
    shorter: tuple[int, ...] = ()


def signatures(texts: Sequence[str]) -> list[TextSignature]:
    """The signature of each text."""
    split, keys = fold_words(Split(texts)), exact_keys(texts)
    bands, answers = band_hashes(split), []
    for number, words in enumerate(split):
        key = f"{int(keys[number, 0]):016x}{int(keys[number, 1]):016x}"
        own = tuple(bands[number].tolist()) if len(words) >= SHINGLE else ()
        if SHINGLE <= len(words) <= SHORT:
            whole, shorter = sequence_hashes(words.hashes)
            answers.append(TextSignature(key=key, bands=own, words=whole, shorter=tuple(shorter.tolist())))
        else:
            answers.append(TextSignature(key=key, bands=own))
    return answers


def sequence_hashes(words: np.ndarray) -> tuple[int, np.ndarray]:
    """(hash of a sequence of words, uint64 [words]: the hashes of it without each of them) of word hashes."""
    powers = np.ones(len(words), np.uint64)
    powers[1:] = MULTIPLIER
    powers = np.cumprod(powers, dtype=np.uint64)[::-1]
    behind = words * powers
    before = words[:-1] * powers[1:]  # one place further on where a word behind it is gone
    kept_before = np.concatenate(([np.uint64(0)], np.cumsum(before, dtype=np.uint64)))
    kept_behind = np.cumsum(behind, dtype=np.uint64)[-1] - np.cumsum(behind, dtype=np.uint64)
    return int(mixed(np.cumsum(behind, dtype=np.uint64)[-1:])[0]), mixed(kept_before + kept_behind)


@dataclass
class WithdrawnTexts:
    """Signatures to look for."""

    keys: set[str] = field(default_factory=set)
    bands: list[np.ndarray] = field(default_factory=list)  # uint64 of each column, sorted
    words: set[int] = field(default_factory=set)
    shorter: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[TextSignature]) -> WithdrawnTexts:
        """Those of withdrawn texts."""
        rows = list(rows)
        columns = np.array([row.bands for row in rows if row.bands], np.uint64).reshape(-1, BANDS).T
        return cls(
            keys={row.key for row in rows},
            bands=[np.unique(column) for column in columns],
            words={row.words for row in rows if row.words is not None},
            shorter={each for row in rows for each in row.shorter},
        )

    def __bool__(self) -> bool:
        return bool(self.keys)

    def matches(self, texts: Sequence[str]) -> list[str]:
        """For each text: "text" for a withdrawn one, "near copy" for one that is nearly so, "" for another.

        A near copy shares a MinHash band (see ``domain.text.minhash``), or has one word more or less.
        """
        answers = []
        for signature in signatures(texts):
            if signature.key in self.keys or signature.words in self.words:
                answers.append("text")
            else:
                answers.append("near copy" if self.is_near(signature) else "")
        return answers

    def is_near(self, signature: TextSignature) -> bool:
        """Whether a text is a near copy of a withdrawn one."""
        for value, column in zip(signature.bands, self.bands, strict=True) if signature.bands else ():
            place = int(np.searchsorted(column, np.uint64(value)))
            if place < len(column) and int(column[place]) == value:
                return True
        return signature.words in self.shorter or not self.words.isdisjoint(signature.shorter)
