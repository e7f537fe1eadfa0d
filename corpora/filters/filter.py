"""What every filter is: a spec with one question to answer about a text."""

from __future__ import annotations

from dataclasses import dataclass

from domain.spec import Spec


@dataclass(frozen=True)
class Drop:
    """The document goes, for this reason."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Change:
    """The document stays with another text, for this reason."""

    text: str
    reason: str
    detail: str = ""


class Filter(Spec):
    """Subclass it to add a filter of one's own; ``kind`` names the file, or ``package.module:Class``."""

    kind: str

    def judge(self, text: str, words: list[str]) -> Drop | Change | None:
        """None keeps the text as it is. ``words`` is the text's one split (``domain.text.words``)."""
        raise NotImplementedError
