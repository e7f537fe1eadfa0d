"""Gopher's quality rules: whether a text has the words and marks of running text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from domain.spec import Share, Spec
from domain.text.quality.counts import Counts
from domain.text.quality.languages import SCRIPTS_WITHOUT_SPACES, by_language, data_of
from domain.text.quality.violation import Violation, first_broken
from domain.text.words import Split, split


class GopherRules(Spec):
    """From arXiv 2112.11446, section A.1.1, whose numbers stand where the default is another: filings, newswire and
    docstrings are shorter, and fuller of numbers, than web pages.
    """

    words_least: Annotated[
        int, Field(ge=0, le=10**9, description="Gopher: 50; newswire and docstrings may have 20")
    ] = 20
    words_most: Annotated[
        int, Field(ge=1, le=10**9, description="Gopher: 100,000; annual reports and books are longer")
    ] = 1_000_000
    length_least: Annotated[
        float | None,
        Field(ge=0, le=10**9, description="mean letters a word; by language: English 2.5 (Gopher: 3; 1.19 is 2 words)"),
    ] = None
    length_most: Annotated[
        float | None, Field(gt=0, le=10**9, description="mean letters a word, at most; by language: English 10")
    ] = None
    symbols: Annotated[float, Field(ge=0, le=10**9, description="hashes a word, and ellipses a word, at most")] = 0.1
    bullets: Annotated[Share, Field(description="share of lines that begin with • or -, at most")] = 0.9
    ellipses: Annotated[Share, Field(description="share of lines that end with an ellipsis, at most")] = 0.3
    letters: Annotated[Share, Field(description="share of words with a letter, at least; Gopher: 0.8, tables: 0.4")] = (
        0.4
    )
    stop_words: Annotated[
        tuple[str, ...] | None, Field(description="words of running text; by language: English has Gopher's eight")
    ] = None
    stop_words_least: Annotated[
        int, Field(ge=0, le=10**9, description="of them in a text; Gopher: 2 in 50 words, so 1 in 20")
    ] = 1


def judge(texts: Split, counts: Counts, languages: Sequence[str], rules: GopherRules) -> list[Violation | None]:
    """The first rule that each text breaks. A text without words always has too few.

    The length of words is not asked of scripts without spaces, where a word is one character, and no stop words of a
    language that has none. A rule that the recipe sets is the same for all languages.
    """
    return first_broken(measured_rules(texts, counts, languages, rules), len(texts))


def measured_rules(
    texts: Split, counts: Counts, languages: Sequence[str], rules: GopherRules
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(reason, measured, broken) of each rule, in order."""
    yield "too few words", counts.spoken, (counts.spoken < rules.words_least) | (counts.words == 0)
    yield "too many words", counts.spoken, counts.spoken > rules.words_most
    lengths = counts.characters / np.maximum(counts.spoken, 1)
    least = by_language(languages, "length_least", rules.length_least, 0)
    yield "short words", lengths, (lengths < least) & ~counts.unspaced
    most = by_language(languages, "length_most", rules.length_most, np.inf)
    yield "long words", lengths, (lengths > most) & ~counts.unspaced
    words = np.maximum(counts.words, 1)
    hashes = np.array([text.count("#") for text in texts.texts]) / words
    yield "hashes", hashes, hashes > rules.symbols
    dots = np.array([text.count("...") + text.count("…") for text in texts.texts])
    yield "ellipses", dots / words, dots / words > rules.symbols
    bullets = np.array([bullet_lines(text, rules.bullets) for text in texts.texts])
    yield "bullet lines", bullets, bullets > rules.bullets
    ends = np.array([ellipsis_lines(text, n, rules.ellipses) for text, n in zip(texts.texts, dots, strict=True)])
    yield "ellipsis lines", ends, ends > rules.ellipses
    letters = counts.lettered / words
    yield "words without letters", 1 - letters, letters < rules.letters
    running, applies = running_words(texts, languages, rules.stop_words)
    yield "no running text", running, (running < rules.stop_words_least) & applies


def bullet_lines(text: str, limit: float) -> float:
    """Share of lines that begin with a bullet; 0 where there are too few bullets for ``limit``, without a look."""
    if text.count("-") + text.count("•") <= limit * (text.count("\n") + 1):
        return 0.0
    lines = text.splitlines()
    return sum(line.lstrip().startswith(("•", "-")) for line in lines) / max(1, len(lines))


def ellipsis_lines(text: str, ellipses: int, limit: float) -> float:
    """Share of lines that end with an ellipsis; 0 where there are too few for ``limit``, without a look."""
    if ellipses <= limit * (text.count("\n") + 1):
        return 0.0
    lines = text.splitlines()
    return sum(line.rstrip().endswith(("...", "…")) for line in lines) / max(1, len(lines))


def running_words(
    texts: Split, languages: Sequence[str], wanted: tuple[str, ...] | None
) -> tuple[np.ndarray, np.ndarray]:
    """(int64 [texts], how many stop words each text has; bool [texts], whether it could have any)."""
    counts, applies = np.zeros(len(texts), dtype=np.int64), np.ones(len(texts), dtype=bool)
    if wanted is not None:
        return counts + standing(texts, np.unique(split(" ".join(wanted)).hashes), np.ones(len(texts), bool)), applies
    for code in sorted(set(languages)):
        here = np.array([each == code for each in languages])
        data = data_of(code)
        if data is None or not data.stop_words:
            applies &= ~here
        elif code in SCRIPTS_WITHOUT_SPACES:
            for text in np.flatnonzero(here).tolist():
                counts[text] = len(set(data.pattern.findall(texts.texts[text])))
        else:
            counts += standing(texts, data.hashes, here)
    return counts, applies


def standing(texts: Split, wanted: np.ndarray, here: np.ndarray) -> np.ndarray:
    """int64 [texts]: how many of the wanted words (uint64, sorted) stand in each text that is ``here``; 0 elsewhere."""
    if not len(wanted):
        return np.zeros(len(texts), dtype=np.int64)
    slot = np.minimum(np.searchsorted(wanted, texts.hashes), len(wanted) - 1)
    places = np.flatnonzero(wanted[slot] == texts.hashes)
    text = np.searchsorted(texts.offsets, places, side="right") - 1
    once = np.unique(text * len(wanted) + slot[places]) // len(wanted)
    counts: np.ndarray = np.bincount(once, minlength=len(texts)) * here
    return counts
