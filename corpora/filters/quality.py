"""Drops what does not read like text (Gopher's rules)."""

from __future__ import annotations

from typing import Literal

from corpora.filters.filter import Drop, Filter
from domain.text.quality import QualityRules, judge


class Quality(Filter, QualityRules):
    """The thresholds are the fields of QualityRules."""

    kind: Literal["quality"] = "quality"

    def judge(self, text: str, words: list[str]) -> Drop | None:
        """Drop by the first rule that is broken."""
        broken = judge(text, self)
        return Drop(f"quality: {broken[0]}", broken[1]) if broken else None
