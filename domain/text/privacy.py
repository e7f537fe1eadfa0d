"""Mask what identifies a person: e-mail, phone, public IP, payment card, IBAN, US social security number."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable

EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])")
CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.,-]*\d)")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
# A number counts as a phone only in a written form: with +country, with (area), or as 3-3-4 digits.
PHONE = re.compile(
    r"(?<![\w.,+$-])"
    r"(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})"
    r"(?![\w-]|[.,]\d)"
)
IPV4 = re.compile(r"(?<![\w.=-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-]|:\d{4,})")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])")


def luhn(digits: str) -> bool:
    """Whether the check digit of a payment card holds (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_holds(text: str) -> bool:
    """Whether an IBAN's check digits hold: modulo 97 is 1 (ISO 13616)."""
    compact = text.replace(" ", "")
    turned = compact[4:] + compact[:4]
    return len(compact) >= 15 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return digits[0] in "3456" and luhn(digits) and len(set(digits)) > 2


def _public(text: str) -> bool:
    """A public address; private and reserved ones identify nobody, and 1.2.3.4-like versions start low."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global and (address.version == 6 or int(text.split(".")[0]) > 9)


def _phone(text: str) -> bool:
    return 9 <= sum(map(str.isdigit, text)) <= 15


def _always(text: str) -> bool:
    return True


# In this order: a card or IBAN must not be taken for a phone.
PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool], str], ...] = (
    ("email", EMAIL, _always, "<EMAIL>"),
    ("iban", IBAN, iban_holds, "<IBAN>"),
    ("card", CARD, _card, "<CARD>"),
    ("ssn", SSN, _always, "<SSN>"),
    ("ip", IPV4, _public, "<IP>"),
    ("ip", IPV6, _public, "<IP>"),
    ("phone", PHONE, _phone, "<PHONE>"),
)
KINDS = tuple(dict.fromkeys(kind for kind, *_ in PATTERNS))


def mask(text: str, kinds: tuple[str, ...] = KINDS) -> tuple[str, dict[str, int]]:
    """The text with a placeholder for each find, and how many of each kind were found."""
    found: Counter[str] = Counter()
    for kind, pattern, holds, placeholder in PATTERNS:
        if kind not in kinds or (kind == "email" and "@" not in text):
            continue

        def replace(
            match: re.Match[str], kind: str = kind, holds: Callable[[str], bool] = holds, to: str = placeholder
        ) -> str:
            if not holds(match[0]):
                return match[0]
            found[kind] += 1
            return to

        text = pattern.sub(replace, text)
    return text, dict(found)
