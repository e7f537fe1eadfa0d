"""Drops what does not read like text, by the rules of Gopher, FineWeb and C4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from domain.text.quality import Broken, Lines, QualityRules, judge
from domain.text.words import Split, Words


class Quality(Filter, QualityRules):
    """The thresholds are those of QualityRules."""

    kind: Literal["quality"] = "quality"

    def judge(self, document: Document, words: Words) -> FilterAnswer:
        """The verdict on one document."""
        return self.judge_all([document], Split.of([words]))[0]

    def judge_all(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop each by the first rule that it breaks; C4 changes what it leaves."""
        return [verdict(text, found) for text, found in zip(split.texts, judge(split, self), strict=True)]


def verdict(text: str, found: Broken | Lines | None) -> FilterAnswer:
    """The rules' answer as a filter's."""
    if isinstance(found, Broken):
        measured = f"{found.score:.2f}".rstrip("0").rstrip(".")
        return Drop(f"quality: {found.reason}", measured, found.score)
    if found is None or found.text == text:
        return None
    return Change(found.text, "quality: lines dropped", f"{found.gone} of {found.lines}")
