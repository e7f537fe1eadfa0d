"""Drops what does not read like text, by the rules of Gopher, FineWeb and C4 or by a learned model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from corpora.filters.identify import identifier
from corpora.filters.language import believed, has_letters
from corpora.filters.learned_quality import QUALITY_SPELLINGS, QualityScoring, by_quality
from domain.spec import Share
from domain.text.quality import KeptLines, QualityRules, TextLanguage, Violation, judge
from domain.text.quality.languages import ENGLISH
from domain.text.words import Split


class Quality(Filter, QualityRules):
    """The thresholds are those of QualityRules. With ``scorer`` a model decides, and no rule: list the filter twice
    for both.
    """

    libraries = ("py3langid",)

    kind: Literal["quality"] = "quality"
    scorer: Annotated[QualityScoring | None, Field(description=QUALITY_SPELLINGS)] = None
    threshold: Annotated[
        Share | dict[str, Share],
        Field(description="score below which a document goes, or one by source: {news: 0.4, '*': 0.5}"),
    ] = 0.5

    @model_validator(mode="after")
    def _one_way(self) -> Quality:
        if self.scorer is None and "threshold" in self.model_fields_set:
            raise ValueError("a threshold is a scorer's; name a scorer")
        rules = self.model_fields_set - {"kind", "scorer", "threshold"}
        if self.scorer is not None and rules:
            raise ValueError(f"a scorer decides without {', '.join(sorted(rules))}; list the filter once for each")
        return self

    def identity_key(self) -> dict[str, Any]:
        """The rules, or the model by its content."""
        if self.scorer is not None:
            return {"kind": self.kind, "scorer": self.scorer.identity_key(), "threshold": self.threshold}
        settings = super().identity_key()
        return {name: value for name, value in settings.items() if name not in ("scorer", "threshold")}

    @property
    def patience(self) -> float:
        """A transformer takes some seconds of all cores for a long text."""
        return 100.0 if self.scorer is not None and self.scorer.transformer is not None else 1.0

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop each by its score, or by the first rule that it breaks; C4 changes what it leaves.

        The rules are those of each text's language, which is identified here, whatever other filters a recipe has.
        """
        if self.scorer is not None:
            return by_quality(self.scorer, self.threshold, documents, split)
        results = judge(split, self, languages_of(split.texts))
        return [verdict(text, result) for text, result in zip(split.texts, results, strict=True)]


def languages_of(texts: Sequence[str]) -> list[TextLanguage]:
    """The likeliest language of each text; English where nothing tells one, as in tables of numbers."""
    rows = zip(texts, identifier().identify(texts), strict=True)
    return [
        TextLanguage(ENGLISH, True) if best.language == "zxx" or not has_letters(text)
        else TextLanguage(best.language, believed(best))
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
