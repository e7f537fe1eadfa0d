"""The groups of quality rules that a recipe asks, and their common answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from domain.spec import Spec
from domain.text.quality import c4, fineweb, gopher, repetition
from domain.text.quality.c4 import C4Rules, KeptLines
from domain.text.quality.counts import Counts
from domain.text.quality.fineweb import FineWebRules
from domain.text.quality.gopher import GopherRules
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
    c4: Annotated[C4Rules | None, Switch, Field(description="only lines that are sentences; changes the text")] = None


def judge(texts: Split, rules: QualityRules) -> list[Violation | KeptLines | None]:
    """For each text the rule that it breaks, or what C4 leaves of it, or None. All are asked of the text as it came."""
    counts = Counts.of(texts)
    results: list[Violation | KeptLines | None] = [None] * len(texts)
    for module, group in ((gopher, rules.gopher), (fineweb, rules.fineweb), (repetition, rules.repetition)):
        if group is not None:
            answers = module.judge(texts, counts, group)
            results = [old or new for old, new in zip(results, answers, strict=True)]
    if rules.c4 is not None:
        rows = zip(results, texts.texts, counts.unspaced.tolist(), strict=True)
        results = [old or c4.judge(text, unspaced, rules.c4) for old, text, unspaced in rows]
    return results
