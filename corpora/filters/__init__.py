"""What a document must pass: each filter answers keep, drop with a reason, or change with a reason."""

from __future__ import annotations

from typing import Annotated

from corpora.filters.filter import Filter
from corpora.filters.harm import Harm
from corpora.filters.language import Language
from corpora.filters.own import Own
from corpora.filters.privacy import Privacy
from corpora.filters.quality import Quality
from corpora.plugins import Kinds

AnyFilter = Annotated[Filter, Kinds(Filter, Language, Quality, Privacy, Harm, own=Own)]
