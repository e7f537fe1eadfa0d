"""Whether letters stand in the order of a language: words that were shuffled or struck at random are none."""

from __future__ import annotations

import math
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
NO_LETTER, LEFT_OUT, OTHER_LETTER = range(3)  # numbers of what stands in no pair; letters of pairs have those behind
PAIR, ORDERED_PAIR, TURNED_PAIR = 1, 2, 4  # bits: two that count; that attract each other; that do when turned round
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


def pair_counts(texts: Sequence[str], data: LanguageData) -> tuple[np.ndarray, ...]:
    """int64 [texts] each: pairs of neighbouring letters, those that attract each other, the same turned."""
    parts = [text[:LOOKED_AT] for text in texts]
    codes = np.frombuffer(f"\n{chr(10).join(parts)}\n".encode("utf-32-le", "surrogatepass"), "<u4")
    numbers, kinds = pair_tables(data)
    letters = numbers.take(np.minimum(plain_letters().take(np.minimum(codes, LETTER_PLANES)), len(numbers) - 1))
    pairs = kinds.take(letters[:-1] * math.isqrt(len(kinds)) + letters[1:])
    begins = np.cumsum([0, *(len(part) + 1 for part in parts)])[:-1]
    return tuple(
        np.add.reduceat(pairs & kind > 0, begins, dtype=np.int64) for kind in (PAIR, ORDERED_PAIR, TURNED_PAIR)
    )


@lru_cache(maxsize=128)
def pair_tables(data: LanguageData) -> tuple[np.ndarray, np.ndarray]:
    """(int32: a number for each letter, beyond the last one that of all others; uint8: what each two of them are)."""
    first, second = (
        half.astype(np.int64) for half in (data.pairs >> np.uint64(32), data.pairs & np.uint64(0xFFFFFFFF))
    )
    known = np.unique(np.concatenate((first, second)))
    numbers = np.full(known[-1] + 2, OTHER_LETTER, np.int32)
    numbers[known] = np.arange(OTHER_LETTER + 1, OTHER_LETTER + 1 + len(known))
    if not data.latin:
        numbers[:LATIN_END] = LEFT_OUT
    numbers[SPACE] = NO_LETTER
    letters = np.arange(OTHER_LETTER + 1 + len(known)) != NO_LETTER
    together = np.logical_and if data.code in SCRIPTS_WITHOUT_SPACES else np.logical_or
    kinds = together.outer(letters, letters).astype(np.uint8)
    ordered = np.zeros_like(kinds)
    ordered[numbers[first], numbers[second]] = ORDERED_PAIR
    kinds |= ordered | ordered.T // ORDERED_PAIR * TURNED_PAIR
    kinds *= kinds & PAIR
    kinds[LEFT_OUT] = kinds[:, LEFT_OUT] = 0
    return numbers, kinds.ravel()


@lru_cache(maxsize=1)
def plain_letters() -> np.ndarray:
    """uint32 [code points]: each letter in lower case, ``SPACE`` for what is none."""
    inside, lower = letter_tables()
    return np.where(inside, lower, np.uint32(SPACE))


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
