"""Duplicates: equal texts, near duplicates, and paragraphs that many documents share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from corpora.plugins import Kinds
from domain.spec import Spec


class Exact(Spec):
    """Equal but for case and white space: the first one stays."""

    kind: Literal["exact"] = "exact"


class Near(Spec):
    """Nearly equal: word 5-grams that overlap by about 0.72 (MinHash, 14 bands of 8 rows). The first one stays."""

    kind: Literal["near"] = "near"


class Passages(Spec):
    """Paragraphs that stand in several places: they stay where they stood first, and are cut elsewhere."""

    kind: Literal["passages"] = "passages"
    words: Annotated[int, Field(ge=1, le=10**6, description="a paragraph of fewer words is never cut")] = 12
    most: Annotated[
        int | None,
        Field(ge=1, le=10**9, description="a paragraph of more documents than this is cut everywhere; null: never"),
    ] = None


AnyDedup = Annotated[Exact | Near | Passages, Kinds(None, Exact, Near, Passages)]
