"""The groups of quality rules that a recipe asks, and their common answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

from domain.spec import Spec
from domain.text.quality import c4, fineweb, gopher, letters, repetition
from domain.text.quality.c4 import C4Rules, KeptLines
from domain.text.quality.counts import Counts
from domain.text.quality.fineweb import FineWebRules
from domain.text.quality.gopher import GopherRules
from domain.text.quality.languages import ENGLISH, NO_LANGUAGE, NO_SENTENCE_END
from domain.text.quality.letters import LetterRules
from domain.text.quality.repetition import RepetitionRules
from domain.text.quality.violation import Violation
from domain.text.words import Split


def switch(value: object) -> object:
    """``on`` is a group with its defaults, ``off`` none."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


Switch = BeforeValidator(switch)


class QualityRules(Spec):
    """Groups of rules; ``on``, ``off``, or thresholds. The first rule that a text breaks, in this order, counts."""

    gopher: Annotated[GopherRules | None, Switch, Field(description="words and marks of running text")] = GopherRules()
    fineweb: Annotated[FineWebRules | None, Switch, Field(description="lines of web pages")] = None
    repetition: Annotated[RepetitionRules | None, Switch, Field(description="the same again and again")] = (
        RepetitionRules()
    )
    letters: Annotated[LetterRules | None, Switch, Field(description="letters in an order of the language")] = (
        LetterRules()
    )
    c4: Annotated[C4Rules | None, Switch, Field(description="only lines that are sentences; changes the text")] = None


class TextLanguage(NamedTuple):
    """The likeliest language of a text, and whether it is believed to be the text's; "" where nothing tells."""

    code: str
    believed: bool


def judge(
    texts: Split, rules: QualityRules, languages: Sequence[TextLanguage] | None = None
) -> list[Violation | KeptLines | None]:
    """For each text the rule that it breaks, or what C4 leaves of it, or None. All are asked of the text as it came.

    Thresholds and stop words that ``rules`` leaves open are those of each text's language, if that is believed; without
    ``languages`` English.
    """
    counts = Counts.of(texts)
    likeliest = languages or [TextLanguage(ENGLISH, True)] * len(texts)
    codes = [each.code if each.believed else NO_LANGUAGE for each in likeliest]
    results: list[Violation | KeptLines | None] = [None] * len(texts)

    def add(answers: Sequence[Violation | None]) -> None:
        results[:] = [old or new for old, new in zip(results, answers, strict=True)]

    if rules.gopher is not None:
        add(gopher.judge(texts, counts, codes, rules.gopher))
    if rules.fineweb is not None:
        add(fineweb.judge(texts, counts, codes, rules.fineweb))
    if rules.repetition is not None:
        add(repetition.judge(texts, counts, rules.repetition))
    if rules.letters is not None:
        add(letters.judge(texts, counts, [each.code for each in likeliest], rules.letters))
    if rules.c4 is not None:
        rows = zip(results, texts.texts, counts.unspaced.tolist(), codes, strict=True)
        results = [
            old or c4.judge(text, unspaced, rules.c4, code not in NO_SENTENCE_END) for old, text, unspaced, code in rows
        ]
    return results
