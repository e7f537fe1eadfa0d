"""Drops what does not read like text, by the rules of Gopher, FineWeb and C4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from corpora.filters.identify import identifier
from corpora.filters.language import believed, has_letters
from domain.text.quality import KeptLines, QualityRules, TextLanguage, Violation, judge
from domain.text.quality.languages import ENGLISH
from domain.text.words import Split


class Quality(Filter, QualityRules):
    """The thresholds are those of QualityRules."""

    kind: Literal["quality"] = "quality"

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop each by the first rule that it breaks; C4 changes what it leaves.

        The rules are those of each text's language, which is identified here, whatever other filters a recipe has.
        """
        results = judge(split, self, languages_of(split.texts))
        return [verdict(text, result) for text, result in zip(split.texts, results, strict=True)]


def languages_of(texts: Sequence[str]) -> list[TextLanguage]:
    """The likeliest language of each text; English where nothing tells one, as in tables of numbers."""
    rows = zip(texts, identifier().identify(texts), strict=True)
    return [
        TextLanguage(ENGLISH, True) if best.language == "zxx" or not has_letters(text)
        else TextLanguage(best.language, believed(text, best))
        for text, best in rows
    ]  # fmt: skip


def verdict(text: str, result: Violation | KeptLines | None) -> FilterAnswer:
    """The rules' answer as a filter's."""
    if isinstance(result, Violation):
        measured = f"{result.score:.2f}".rstrip("0").rstrip(".")
        return Drop(f"quality: {result.reason}", measured, result.score)
    if result is None or result.text == text:
        return None
    return Change(result.text, "quality: lines dropped", f"{result.gone} of {result.lines}")
