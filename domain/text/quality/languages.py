"""What quality rules need to know of each language: stop words, lengths of words and lines, letters that go together.

From FineWeb-2 (arXiv 2506.20920, github.com/huggingface/fineweb-2, Apache-2.0): stop words and thresholds from its
settings, letters from its word lists; English has those of Gopher and FineWeb. ``tests/language_data.py`` wrote the
file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from domain.text.words import split

DATA = Path(__file__).with_name("languages.tsv")
SCRIPTS_WITHOUT_SPACES = ("ja", "km", "ko", "lo", "my", "th", "zh")  # lists of morphemes, which have no edges
NO_SENTENCE_END = ("lo", "th")  # written without a mark at the end of a sentence
LATIN_END = 0x250  # Latin letters lie below
ENGLISH = "en"
NO_LANGUAGE = ""  # a language about which nothing is known


@dataclass(frozen=True, eq=False)
class LanguageData:
    """``length_least`` and ``length_most``: mean letters a word; ``terminal``: share of lines that end a sentence;
    ``breaks``: line breaks a word; ``pairs``: uint64, sorted, two letters each, ``first << 32 | second``.
    """

    code: str
    length_least: float
    length_most: float
    terminal: float
    breaks: float
    stop_words: tuple[str, ...]
    pairs: np.ndarray

    @cached_property
    def latin(self) -> bool:
        """Whether it is written in Latin letters, by some at least; else such letters are another language's."""
        below = (self.pairs & np.uint64(0xFFFFFFFF) < LATIN_END) & (self.pairs >> np.uint64(32) < LATIN_END)
        return bool(2 * below.sum() > len(self.pairs) // 2)

    @cached_property
    def hashes(self) -> np.ndarray:
        """uint64: the stop words as ``domain.text.words`` hashes words."""
        return np.unique(split(" ".join(self.stop_words)).hashes)

    @cached_property
    def long_hashes(self) -> np.ndarray:
        """uint64: those of three letters or more, which hardly ever come about by chance."""
        return np.unique(split(" ".join(word for word in self.stop_words if len(word) >= 3)).hashes)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The stop words where they are no words between spaces: at the end of Korean words, anywhere in Chinese."""
        words = "|".join(re.escape(word) for word in sorted(self.stop_words, key=len, reverse=True))
        return re.compile(rf"(?<=\w)(?:{words})(?!\w)" if self.code == "ko" else words)


@lru_cache(maxsize=1)
def languages() -> dict[str, LanguageData]:
    """By code, all languages of which something is known."""
    rows = (line.split("\t") for line in DATA.read_text("utf-8").splitlines())
    return {
        code: LanguageData(
            code, float(least), float(most), float(terminal), float(breaks), tuple(stop.split()), pair_keys(pairs)
        )
        for code, least, most, terminal, breaks, stop, pairs in rows
    }


def pair_keys(pairs: str) -> np.ndarray:
    """uint64, sorted, of pairs of letters one after the other."""
    codes = np.frombuffer(pairs.encode("utf-32-le"), "<u4").astype(np.uint64)
    return np.sort(codes[::2] << np.uint64(32) | codes[1::2])


def by_language(languages: Sequence[str], threshold: str, stated: float | None, unknown: float) -> np.ndarray:
    """float64 [texts]: ``stated``, else the threshold of each text's language, ``unknown`` where there is none."""
    if stated is not None:
        return np.full(len(languages), float(stated))
    return np.array([getattr(data_of(code), threshold, unknown) for code in languages], dtype=float)


def data_of(code: str) -> LanguageData | None:
    """What is known of a language; None where nothing is."""
    return languages().get(code)
