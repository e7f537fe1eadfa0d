"""Gopher's repetition rules: whether a text says the same again and again, by paragraphs, lines and n-grams."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from domain.spec import Share, Spec
from domain.text.quality.counts import Counts
from domain.text.quality.ngrams import Ngrams
from domain.text.quality.violation import Violation
from domain.text.words import Split

AT_ONCE = 1 << 16  # words of neighbouring texts whose n-grams are sorted in one go: 0.5 MB
UNSPACED_LEAST = 10  # characters that say about as much as the five words of the shortest rule


class RepetitionRules(Spec):
    """From arXiv 2112.11446, table A1. Each is the most that is allowed, and 1 switches it off.

    ``top``: characters of the commonest n-gram, as often as it stands, of all of the text's. ``duplicate``: of all
    n-grams that stood before. The defaults pass what an honest filing does: reports repeat clauses and page heads
    (62 annual reports: 5-grams up to 0.30, lines up to 0.35), and a name makes much of a short text.
    """

    paragraphs: Annotated[Share, Field(description="share of paragraphs that stood before; Gopher: 0.3")] = 0.5
    paragraph_characters: Annotated[Share, Field(description="the same in characters; Gopher: 0.2")] = 0.3
    lines: Annotated[Share, Field(description="share of lines that stood before; Gopher: 0.3")] = 0.5
    line_characters: Annotated[Share, Field(description="the same in characters; Gopher: 0.2")] = 0.3
    top_2gram: Annotated[Share, Field(description="Gopher: 0.2")] = 0.25
    top_3gram: Annotated[Share, Field(description="Gopher: 0.18")] = 0.25
    top_4gram: Annotated[Share, Field(description="Gopher: 0.16")] = 0.25
    duplicate_5gram: Annotated[Share, Field(description="Gopher: 0.15")] = 0.4
    duplicate_6gram: Annotated[Share, Field(description="Gopher: 0.14")] = 0.38
    duplicate_7gram: Annotated[Share, Field(description="Gopher: 0.13")] = 0.36
    duplicate_8gram: Annotated[Share, Field(description="Gopher: 0.12")] = 0.34
    duplicate_9gram: Annotated[Share, Field(description="Gopher: 0.11")] = 0.32
    duplicate_10gram: Annotated[Share, Field(description="Gopher: 0.10")] = 0.3

    def limits(self, kind: str) -> dict[int, float]:
        """n and limit of the rules that are on; ``kind`` is "top" or "duplicate"."""
        named = {n: getattr(self, f"{kind}_{n}gram", 1.0) for n in range(2, 11)}
        return {n: limit for n, limit in named.items() if limit < 1}


def judge(texts: Split, counts: Counts, rules: RepetitionRules) -> list[Violation | None]:
    """The first rule that each text breaks.

    In a script without spaces an n-gram is of n characters, and duplicates are asked of ten in a row only.
    """
    violations = [repeated_lines(text, rules) for text in texts.texts]
    first, count = 0, len(texts)
    while first < count:
        last = max(first + 1, int(np.searchsorted(texts.offsets, texts.offsets[first] + AT_ONCE, side="right")) - 1)
        repeated_ngrams(texts, slice(first, last), counts.unspaced[first:last], rules, violations)
        first = last
    return violations


def repeated_lines(text: str, rules: RepetitionRules) -> Violation | None:
    """The rules on paragraphs and lines."""
    characters = max(1, len(text))
    lines = [line for line in text.split("\n") if line]
    if len(set(lines)) == len(lines):
        return None  # no line stands twice, so no paragraph does
    paragraphs = [each.strip("\n") for each in text.split("\n\n") if each]
    for what, pieces, share, share_characters in (
        ("paragraphs", paragraphs, rules.paragraphs, rules.paragraph_characters),
        ("lines", lines, rules.lines, rules.line_characters),
    ):
        once = set(pieces)
        again = (len(pieces) - len(once)) / max(1, len(pieces))
        if again > share:
            return Violation(f"repeated {what}", again)
        again = (sum(map(len, pieces)) - sum(map(len, once))) / characters
        if again > share_characters:
            return Violation(f"characters in repeated {what}", again)
    return None


def repeated_ngrams(
    texts: Split, here: slice, unspaced: np.ndarray, rules: RepetitionRules, violations: list[Violation | None]
) -> None:
    """The rules on n-grams, for the texts ``here`` that broke none: their verdicts enter ``violations``."""
    top, duplicate = rules.limits("top"), rules.limits("duplicate")
    characters = np.array([max(1, len(text)) for text in texts.texts[here]])
    alive = np.array([each is None for each in violations[here]])  # what may still break a rule
    ngrams = Ngrams(texts, here, alive)
    for n in range(2, max([*top, *duplicate, 1]) + 1):
        ngrams.lengthen()
        if n in top:
            shares = ngrams.top(unspaced) / characters
            for text in np.flatnonzero(alive & (shares > top[n])).tolist():
                violations[here.start + text] = Violation(f"repeated {n}-gram", float(shares[text]))
                alive[text] = False
        if n in duplicate:
            suspects = alive & (~unspaced | (n >= UNSPACED_LEAST)) & (ngrams.bound() > duplicate[n] * characters)
            for text in np.flatnonzero(suspects).tolist():
                share = ngrams.duplicates(text) / characters[text]
                if share > duplicate[n]:
                    violations[here.start + text] = Violation(f"duplicate {n}-grams", float(share))
                    alive[text] = False
        if n >= max(top, default=0):
            alive &= ngrams.bound() > min((limit for m, limit in duplicate.items() if m > n), default=1.0) * characters
        if not alive.any():
            return
        ngrams.only(alive)
