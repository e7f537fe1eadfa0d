"""Forms of e-mail addresses, payment cards, IBAN, US social security numbers and public IP addresses."""

from __future__ import annotations

import ipaddress
import re

from domain.text.privacy.find import Form

NOT_WITHIN = r"(?<![\w.+-])(?<![0-9],)"  # before a number: neither the middle of another one nor of a word
EMAIL = re.compile(r"(?<![\w.+-])\w[\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])")
CARD = re.compile("(?=[0-9])" + NOT_WITHIN + r"[0-9](?:[ -]?[0-9]){11,18}(?![\d.,-]*\d)")
# What the issuers' numbers begin with and how long they are (ISO/IEC 7812): Visa; Mastercard; Amex; Diners; Discover,
# UnionPay and JCB; Maestro.
ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720))\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15}|(?:2131|1800)\d{11}"
    r"|(?:5[06-9]|6\d)\d{10,17}"
)
# As cards show them; a row of a table has other groups.
GROUPED = re.compile(r"[0-9]+|[0-9]{4}([ -])(?:[0-9]{4}\1){1,3}[0-9]{1,4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}")
IBAN = re.compile(r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b")
SSN = re.compile(r"(?=[0-8])(?<![\d-])(?!000|666|9\d\d)[0-9]{3}([- ]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![\d-])")
SSN_WORDS = re.compile(r"\bssn\b|social security", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.=-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.\w)")
IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4}){0,6}::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)(?![\w:])"
)
NUMBERED = re.compile(r"(?:version|release|section|chapter|clause|rule|item|\bv|§)[ .:]{0,2}\Z", re.IGNORECASE)
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


def before(match: re.Match[str], characters: int) -> str:
    """What stands before a match in its text; a NUL stands between texts."""
    return match.string[max(0, match.start() - characters) : match.start()].rpartition("\x00")[2]


def _iban(match: re.Match[str]) -> int:
    if match[0][:2].upper() not in IBAN_LENGTHS:
        return 0
    ends = [m.end() for m in re.finditer(r"\w+", match[0])]
    return next((end for end in reversed(ends) if iban_holds(match[0][:end])), 0)


def _card(match: re.Match[str]) -> int:
    for end in (m.end() for m in reversed(list(re.finditer(r"[0-9]+", match[0])))):
        digits = re.sub(r"\D", "", match[0][:end])
        if GROUPED.fullmatch(match[0][:end]) and ISSUED.fullmatch(digits) and luhn(digits) and len(set(digits)) > 1:
            return end
    return 0


def _ssn(match: re.Match[str]) -> int:
    """Hyphens tell it; nine bare digits are one only where the text says so."""
    return len(match[0]) if match[1] == "-" or SSN_WORDS.search(before(match, 40)) else 0


def _public(match: re.Match[str]) -> int:
    """A public address; private and reserved ones identify nobody, and 1.2.3.4-like versions start low."""
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return 0
    if not address.is_global:
        return 0
    numbered = address.version == 4 and (int(match[0].split(".")[0]) < 10 or NUMBERED.search(before(match, 12)))
    return 0 if numbered else len(match[0])


NUMBER_FORMS = (
    Form("email", EMAIL, lambda places: places.marks("@", 200)),
    Form("iban", IBAN, lambda places: places.digits, _iban),
    Form("card", CARD, lambda places: places.digits, _card),
    Form("ssn", SSN, lambda places: places.digits, _ssn),
    Form("ip", IPV4, lambda places: places.dots, _public),
    Form("ip", IPV6, lambda places: places.colons, _public),
)
