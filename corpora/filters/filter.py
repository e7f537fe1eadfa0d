"""The base class of filters: a spec that judges documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from corpora.code_version import versions
from corpora.document import Document
from domain.spec import Spec
from domain.text.words import Split


@dataclass(frozen=True)
class Drop:
    """The document goes, for this reason; ``score`` is what was measured, where that is a number."""

    reason: str
    detail: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Change:
    """The document stays with another text, for this reason."""

    text: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Label:
    """The document stays and is known to be in this language, with this confidence (0 to 1)."""

    language: str
    score: float


FilterAnswer = Drop | Change | Label | None


class Filter(Spec):
    """A kind that ships. Teams write a function instead: see ``corpora.filters.own``."""

    libraries: ClassVar[tuple[str, ...]] = ()  # distributions whose version decides what it answers

    kind: str

    def identity_key(self) -> dict[str, Any]:
        """The settings, and the versions of the libraries."""
        settings = super().identity_key()
        return {**settings, "libraries": versions(self.libraries)} if self.libraries else settings

    @property
    def patience(self) -> float:
        """How many times as long as a filter of rules it may take: models are slow."""
        return 1.0

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """One answer for each document; None keeps it as it is. ``split`` holds the words of their texts."""
        raise NotImplementedError
