"""Masks what identifies a person and what opens a door: addresses, phones, accounts, keys."""

from __future__ import annotations

from collections.abc import Sequence

from domain.text.privacy.find import Find, Form, find, find_all, masked
from domain.text.privacy.keys import KEY_FORMS
from domain.text.privacy.numbers import NUMBER_FORMS
from domain.text.privacy.phones import PHONE_FORMS

# In this order: what has a check digit must not be taken for a phone.
FORMS: tuple[Form, ...] = (*KEY_FORMS, *NUMBER_FORMS, *PHONE_FORMS)
KINDS = tuple(dict.fromkeys(form.kind for form in FORMS))

__all__ = ["FORMS", "KINDS", "Find", "Form", "find", "find_all", "mask", "masked"]


def mask(text: str, forms: Sequence[Form] = FORMS) -> tuple[str, dict[str, int]]:
    """The text with a placeholder for each find, and how many of each kind were found."""
    return masked(text, find(text, forms))
