"""Drops abusive text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from corpora.filters.filter import Drop, Filter
from domain.spec import Share
from domain.text.harm import harm_score


class Harm(Filter):
    """By the density of abusive words."""

    kind: Literal["harm"] = "harm"
    threshold: Annotated[Share, Field(description="score above which a document is dropped")] = 0.5

    def judge(self, text: str, words: list[str]) -> Drop | None:
        """Drop above the threshold."""
        score = harm_score(words)
        return Drop("harm", f"{score:.2f}") if score > self.threshold else None
