"""Masks personal data and credentials, or drops the documents that contain them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from corpora.filters.national import NATIONAL_FORMS
from corpora.filters.phones import PLANNED_FORMS
from domain.text.privacy import FORMS, Find, Form, find_all, masked
from domain.text.words import Split

Kind = Literal["key", "email", "iban", "card", "ssn", "national_id", "ip", "phone"]
KINDS: tuple[Kind, ...] = ("key", "email", "iban", "card", "ssn", "national_id", "ip", "phone")
# Phones come last: what has a check digit must not be taken for one.
ALL_FORMS: tuple[Form, ...] = (
    *(form for form in FORMS if form.kind != "phone"),
    *NATIONAL_FORMS,
    *PLANNED_FORMS,
    *(form for form in FORMS if form.kind == "phone"),
)


class Privacy(Filter):
    """Each find becomes a placeholder such as <EMAIL>; a kind that is also in ``drop`` takes its document along."""

    libraries = ("python-stdnum", "phonenumberslite")

    kind: Literal["privacy"] = "privacy"
    mask: Annotated[tuple[Kind, ...], Field(description="what is masked")] = KINDS
    drop: Annotated[tuple[Kind, ...], Field(description="what a document must not hold at all, such as key")] = ()

    @model_validator(mode="after")
    def _something(self) -> Privacy:
        if not self.mask and not self.drop:
            raise ValueError("masks nothing and drops nothing; name a kind, or take the filter out")
        return self

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop or change each document where anything is found."""
        wanted = {*self.mask, *self.drop}
        texts = [document.text for document in documents]
        matches = find_all(texts, [form for form in ALL_FORMS if form.kind in wanted])
        return [self.verdict(text, finds) if finds else None for text, finds in zip(texts, matches, strict=True)]

    def verdict(self, text: str, finds: list[Find]) -> FilterAnswer:
        """What becomes of a text in which something was found."""
        counts = Counter(each.kind for each in finds)
        for kind in self.drop:
            if counts[kind]:
                return Drop(f"privacy: {kind}", str(counts[kind]), counts[kind])
        changed, counts_masked = masked(text, [each for each in finds if each.kind in self.mask])
        detail = ", ".join(f"{kind} {count}" for kind, count in sorted(counts_masked.items()))
        return Change(changed, "privacy: masked", detail)


def mask_all(text: str) -> str:
    """A text with every kind masked: what may be shown of it in a report."""
    return masked(text, find_all([text], ALL_FORMS)[0])[0]
