"""Whether letters stand in the order of a language: words that were shuffled or struck at random are none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field

from domain.spec import Spec
from domain.text.quality.counts import Counts
from domain.text.quality.languages import ENGLISH, LATIN_END, SCRIPTS_WITHOUT_SPACES, LanguageData
from domain.text.quality.languages import languages as languages_data
from domain.text.quality.violation import Violation
from domain.text.words import LETTER_PLANES, Split, unicode_tables

LOOKED_AT = 4_000  # characters, from the start of a text
PAIRS_LEAST = 60  # fewer say nothing
RUNNING = 0.08  # share of words that are stop words of three letters or more, from which a text is not asked
LETTERED = 0.7  # share of words with a letter; below it is a table of numbers and abbreviations
SPACE = 0x20
# Order of typical text and of the same text shuffled within words, in paragraphs of the Universal Declaration: 0.87 to
# 1.5 and at most 0.64 in 65 languages; in Chinese 0.30 to 0.45 and 0.09, in Japanese 0.5 to 0.7 and 0.17.
ORDERED = 0.68
ORDERED_IN = {"zh": 0.17, "ja": 0.28, "en": 0.6}  # in English at most 0.58: room for code
ZERO_WIDTH = (0x200C, 0x200D)  # within words of Persian and of Indian languages


class LetterRules(Spec):
    """No published rule. Each two neighbouring letters, or a letter and the edge of its word, either attract each
    other in the language, or not. Order is the share of pairs that do, and again as much of it as is lost when each
    pair is turned round: the second term is 0 for letters in no order, whatever the language.
    """

    order: Annotated[
        float, Field(ge=0, le=2, description="order of letters, as a multiple of what separates text from gibberish")
    ] = 1.0


def judge(texts: Split, counts: Counts, languages: Sequence[str], rules: LetterRules) -> list[Violation | None]:
    """The rule, for each text that has pairs enough, is no table, and is not full of English stop words.

    ``languages``: the likeliest one of each text, believed or not: gibberish is in none. Each is asked in English, too,
    since text of another language may be half English.
    """
    violations: list[Violation | None] = [None] * len(texts)
    applies, english = counts.lettered >= LETTERED * counts.words, languages_data()[ENGLISH]
    for code in sorted(set(languages)):
        here = np.array([i for i, each in enumerate(languages) if each == code and applies[i]], dtype=np.int64)
        orders = np.full(len(texts), np.inf)
        for data in dict.fromkeys((languages_data().get(code, english), english)):
            order = relative([texts.texts[i] for i in here.tolist()], data)
            orders[here] = np.fmax(order, np.where(np.isinf(orders[here]), -np.inf, orders[here]))
            here = here[order < rules.order]
        for i in here.tolist():
            if np.isin(texts[i].hashes, english.long_hashes).mean() < RUNNING:
                violations[i] = Violation("letters in no order", float(orders[i]))
    return violations


def relative(texts: Sequence[str], data: LanguageData) -> np.ndarray:
    """float64 [texts]: the order of each text's letters, 1 where it just passes; NaN where there are too few."""
    limit = ORDERED_IN.get(data.code, ORDERED)
    total, forward, backward = pair_counts(texts, data)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total >= PAIRS_LEAST, (2 * forward - backward) / total / limit, np.nan)


def pair_counts(texts: Sequence[str], data: LanguageData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64 [texts] each: pairs of neighbouring letters, those that attract each other, the same turned."""
    inside, lower = letter_tables()
    parts = [text[:LOOKED_AT] for text in texts]
    codes = np.frombuffer(f"\n{chr(10).join(parts)}\n".encode("utf-32-le", "surrogatepass"), "<u4")
    codes = np.minimum(codes, LETTER_PLANES)
    letters = np.where(inside[codes], lower[codes], SPACE).astype(np.uint64)
    first, second = letters[:-1], letters[1:]
    if data.code in SCRIPTS_WITHOUT_SPACES:
        counts = (first != SPACE) & (second != SPACE)
    else:
        counts = (first != SPACE) | (second != SPACE)
    if not data.latin:
        counts &= ((first >= LATIN_END) | (first == SPACE)) & ((second >= LATIN_END) | (second == SPACE))
    places = np.flatnonzero(counts)
    one, other = first[places], second[places]
    shift = np.uint64(32)
    ends = np.cumsum([len(part) + 1 for part in parts], dtype=np.int64)
    bounds = np.searchsorted(places, np.concatenate(([0], ends)))
    hits = (among(one << shift | other, data.pairs), among(other << shift | one, data.pairs))
    running = [np.concatenate(([0], np.cumsum(hit, dtype=np.int64))) for hit in hits]
    return np.diff(bounds), np.diff(running[0][bounds]), np.diff(running[1][bounds])


def among(keys: np.ndarray, table: np.ndarray) -> np.ndarray:
    """bool: which of ``keys`` are in the sorted ``table``."""
    there: np.ndarray = table[np.minimum(np.searchsorted(table, keys), len(table) - 1)] == keys
    return there


def inner_letters(text: str) -> list[str]:
    """The runs of letters and their marks in a text."""
    inside, _ = letter_tables()
    return "".join(c if inside[min(ord(c), LETTER_PLANES)] else " " for c in text).split()


@lru_cache(maxsize=1)
def letter_tables() -> tuple[np.ndarray, np.ndarray]:
    """(bool: letters and their marks, without digits; uint32: the letter in lower case), by code point."""
    kinds, folded = unicode_tables()
    inside = kinds > 0
    for code in range(0x80):
        inside[code] = chr(code).isalpha()
    for code in (np.flatnonzero(inside[0x80:]) + 0x80).tolist():
        inside[code] = not chr(code).isnumeric() or chr(code).isalpha()
    inside[list(ZERO_WIDTH)] = True
    lower = folded.copy()
    lower[:0x80] = [ord(chr(code).lower()) for code in range(0x80)]
    return inside, lower
