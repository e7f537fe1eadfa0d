"""Mask what identifies a person: e-mail, phone, public IP, payment card, IBAN, US social security number."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable

EMAIL = re.compile(r"(?<![\w.+-])\w[\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])")
CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){11,18}(?![\d.,-]*\d)")
# What the issuers' numbers begin with and how long they are (ISO/IEC 7812): Visa; Mastercard; Amex; Diners; Discover,
# UnionPay and JCB; Maestro.
ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720))\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15}|(?:2131|1800)\d{11}"
    r"|(?:5[06-9]|6\d)\d{10,17}"
)
IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b")
SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
# A number counts as a phone only in a written form: with +country, with (area), as 3-3-4 digits, or with a leading 0
# in the groups of British, Swedish or French numbers.
PHONE = re.compile(
    r"(?<![\w.,+$-])(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}"
    r"|(?:(?:00)?1[ .-])?(?:\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})"
    r"|0[1-9]\d{1,3}(?: \d{2,4}){2,3}|0[1-9](?:[.-]\d\d){4})"
    r"(?:x\d{1,5})?(?!\w|-\d|[.,]\d)"
)
IPV4 = re.compile(r"(?<![\w.=-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4}){0,6}::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)(?![\w:])"
)
# Characters of an IBAN by country (SWIFT IBAN registry); a country that is not here has none.
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the check digit of a payment card holds (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_holds(text: str) -> bool:
    """Whether an IBAN has its country's length and its check digits hold: modulo 97 is 1 (ISO 13616)."""
    compact = text.replace(" ", "").upper()
    turned = compact[4:] + compact[:4]
    right = len(compact) == IBAN_LENGTHS.get(compact[:2])
    return right and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


# What follows answers how many characters of a find are masked: what stands behind it is easily taken with it.


def _iban(text: str) -> int:
    ends = [m.end() for m in re.finditer(r"\w+", text)]
    return next((end for end in reversed(ends) if iban_holds(text[:end])), 0)


def _card(text: str) -> int:
    for end in (m.end() for m in reversed(list(re.finditer(r"\d+", text)))):
        digits = re.sub(r"\D", "", text[:end])
        if ISSUED.fullmatch(digits) and luhn(digits) and len(set(digits)) > 1:
            return end
    return 0


def _public(text: str) -> int:
    """A public address; private and reserved ones identify nobody, and 1.2.3.4-like versions start low."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return 0
    return len(text) if address.is_global and (address.version == 6 or int(text.split(".")[0]) > 9) else 0


def _phone(text: str) -> int:
    return len(text) if 9 <= sum(map(str.isdigit, text.partition("x")[0])) <= 15 else 0


# In this order: a card or IBAN must not be taken for a phone.
PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], int], str], ...] = (
    ("email", EMAIL, len, "<EMAIL>"),
    ("iban", IBAN, _iban, "<IBAN>"),
    ("card", CARD, _card, "<CARD>"),
    ("ssn", SSN, len, "<SSN>"),
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
            match: re.Match[str], kind: str = kind, holds: Callable[[str], int] = holds, to: str = placeholder
        ) -> str:
            end = holds(match[0])
            if not end:
                return match[0]
            found[kind] += 1
            return to + match[0][end:]

        text = pattern.sub(replace, text)
    return text, dict(found)
