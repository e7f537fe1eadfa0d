"""Masks what identifies a person."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from corpora.filters.filter import Change, Filter
from domain.text.privacy import KINDS, mask

Kind = Literal["email", "iban", "card", "ssn", "ip", "phone"]


class Privacy(Filter):
    """Each find becomes a placeholder such as <EMAIL>."""

    kind: Literal["privacy"] = "privacy"
    mask: Annotated[tuple[Kind, ...], Field(description="what is masked")] = KINDS  # type: ignore[assignment]

    def judge(self, text: str, words: list[str]) -> Change | None:
        """Change the text where anything is found."""
        masked, found = mask(text, self.mask)
        detail = ", ".join(f"{kind} {count}" for kind, count in sorted(found.items()))
        return Change(masked, "privacy: masked", detail) if found else None
