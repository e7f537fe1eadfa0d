"""Drops what does not read like text, by the rules of Gopher, FineWeb and C4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from domain.text.quality import KeptLines, QualityRules, Violation, judge
from domain.text.words import Split


class Quality(Filter, QualityRules):
    """The thresholds are those of QualityRules."""

    kind: Literal["quality"] = "quality"

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop each by the first rule that it breaks; C4 changes what it leaves."""
        return [verdict(text, result) for text, result in zip(split.texts, judge(split, self), strict=True)]


def verdict(text: str, result: Violation | KeptLines | None) -> FilterAnswer:
    """The rules' answer as a filter's."""
    if isinstance(result, Violation):
        measured = f"{result.score:.2f}".rstrip("0").rstrip(".")
        return Drop(f"quality: {result.reason}", measured, result.score)
    if result is None or result.text == text:
        return None
    return Change(result.text, "quality: lines dropped", f"{result.gone} of {result.lines}")
