"""Presets: filters for documents that somebody wrote and keeps, and for pages of the web."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from corpora.filters.filter import Filter
from corpora.filters.harm import Harm
from corpora.filters.language import Language
from corpora.filters.names import PersonNames
from corpora.filters.own import Own
from corpora.filters.privacy import Privacy
from corpora.filters.quality import Quality
from corpora.plugins import Kinds

AnyFilter = Annotated[Filter, Kinds(Filter, Language, Quality, Privacy, PersonNames, Harm, own=Own)]

# The thresholds of the papers, which were made for web pages: Gopher's and FineWeb's, as FineWeb has them.
WEB_QUALITY = {
    "kind": "quality",
    "gopher": {"words_least": 50, "words_most": 100_000, "letters": 0.8, "stop_words_least": 2},
    "repetition": {
        "paragraphs": 0.3, "paragraph_characters": 0.2, "lines": 0.3, "line_characters": 0.2,
        "top_2gram": 0.2, "top_3gram": 0.18, "top_4gram": 0.16, "duplicate_5gram": 0.15, "duplicate_6gram": 0.14,
        "duplicate_7gram": 0.13, "duplicate_8gram": 0.12, "duplicate_9gram": 0.11, "duplicate_10gram": 0.1,
    },
    "fineweb": True,
}  # fmt: skip
PRESETS: dict[str, list[Any]] = {
    "documents": ["language", "quality", "privacy", "harm"],
    "web": ["language", WEB_QUALITY, "privacy", "harm"],
}


def spelled_out_filters(value: object) -> object:
    """The filters of a preset; a list as it is. Raises ``ValueError`` for a name that is none."""
    if not isinstance(value, str):
        return value
    if value not in PRESETS:
        raise ValueError(f"{value!r} is no preset; write {' or '.join(PRESETS)}, or a list such as [language, quality]")
    return PRESETS[value]


Filters = Annotated[
    tuple[AnyFilter, ...],
    BeforeValidator(spelled_out_filters),
    Field(description="language, quality, privacy, names, harm, package.module:function; or a preset: documents, web"),
]
