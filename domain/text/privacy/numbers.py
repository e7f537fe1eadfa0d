"""Forms of e-mail addresses, payment cards, IBAN, US social security numbers and IP addresses."""

from __future__ import annotations

import ipaddress
import re

from domain.text.privacy.find import Form

# Before a number: neither the middle of another one nor of a word or code; a dash may part it from a word: "fax—212".
NOT_WITHIN = r"(?<![\w.+])(?<![0-9A-Z]-)(?<![0-9],)"
# A name may be in any script that has spaces, as may a domain (RFC 6531); it begins behind a list's dash, too.
SPACELESS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff"
NAME = rf"[^\W{SPACELESS}](?:[\w.+-](?<![{SPACELESS}])|'(?=\w)){{0,63}}"
BEFORE_NAME = rf"(?:(?<!\w)|(?<=[{SPACELESS}]))(?<!\w[.+-])"
DOMAIN = (
    r"(?:[\w-]{1,63}[.\u3002]){1,5}(?:[A-Za-z]{2,24}(?![A-Za-z0-9_-])|xn--[A-Za-z0-9-]{2,59}|[^\W\d_]{2,24}(?![\w-]))"
)
EMAIL = re.compile(rf"{BEFORE_NAME}{NAME}@(?:{DOMAIN}|\[?(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}\]?(?![\w.]))")
EMAIL_SPACELESS = re.compile(rf"(?<!\w)[\w.+-]{{1,64}}@{DOMAIN}")
# As people write it lest machines read it: brackets around "at", or both words in capitals.
AT = r" ?[\[({<] ?(?:at|@) ?[\])}>] ?"
DOT = r"(?:\.| ?[\[({<] ?(?:dot|\.|punkt|point|punto|ponto) ?[\])}>] ?| dot )"
OBFUSCATED = re.compile(
    rf"{BEFORE_NAME}(?:{NAME}(?:{DOT}{NAME}){{0,3}}{AT}(?:[\w-]{{1,63}}{DOT}){{1,4}}[A-Za-z]{{2,24}}"
    rf"|{NAME}(?: DOT {NAME}){{0,3}} AT (?:[\w-]{{1,63}}(?: DOT |\.)){{1,4}}[A-Za-z]{{2,24}})(?![\w-])",
    re.IGNORECASE,
)
AT_SIGNS = ("[at", "(at", "{at", "[AT", "(AT", "[@]", "(@)", " AT ")
CARD = re.compile("(?=[0-9])" + NOT_WITHIN + r"[0-9](?:[ .-]?[0-9]){11,18}(?![\d.,-]*\d)")
# What the issuers' numbers begin with and how long they are (ISO/IEC 7812): Visa; Mastercard; Amex; Diners; Discover,
# UnionPay and JCB; Maestro.
ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720))\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15}|(?:2131|1800)\d{11}"
    r"|(?:5[06-9]|6\d)\d{10,17}"
)
DIGIT, DIGITS = re.compile("[0-9]"), re.compile("[0-9]+")
# As cards show them; a row of a table has other groups.
GROUPED = re.compile(r"[0-9]+|[0-9]{4}([ .-])(?:[0-9]{4}\1){1,3}[0-9]{1,4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}")
# Bare digits of an unusual length, or in a program's call, are a card's only where the text says so.
CARD_WORDS = re.compile(
    r"card|visa|maestro|amex|mastercard|unionpay|\bpan\b|credit|debit|payment|karte|carte|tarjeta", re.IGNORECASE
)
CALLED = re.compile(r"[\w.][\[(]{1,3}\Z")
IBAN = re.compile(r"\b[A-Za-z]{2}[ -]?[0-9]{2}(?:[ .-]?[A-Za-z0-9]{4}){2,7}(?:[ .-]?[A-Za-z0-9]{1,3})?\b")
SSN = re.compile(
    r"(?=[0-8])(?<!\d)(?<![0-9A-Z]-)(?!000|666|9\d\d)[0-9]{3}([- .]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![\d-])"
)
SSN_WORDS = re.compile(r"\bssn\b|social security", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.])(?<![^\W\d]-)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.\w|-(?![0-9]{1,3}\.[0-9]{1,3}\.))")
IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|(?:[23][0-9A-Fa-f]{3}|[Ff][C-Ec-e][0-9A-Fa-f]{2})(?::[0-9A-Fa-f]{1,4}){0,6}"
    r"::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)(?![\w:])"
)
NUMBERED = re.compile(
    r"(?:ver(?:sion)?s?|rel(?:ease)?|build|rev(?:ision)?|section|sec|chapter|clause|rule|item|article|annex|appendix"
    r"|schedule|figure|table|paragraph|part|step|requirement|upgrade to|\bv|§)\.?[ .:=_-]{0,3}[\"']?\Z"
    r"|[=<>~!]=\s?[\"']?\Z|\w/\Z",
    re.IGNORECASE,
)
# What stands before an address that begins like a number of a section or version, and what behind it.
ADDRESSED = re.compile(
    r"(?:\bip(?:v4)?|addr(?:ess)?|\bsrc|\bdst|source|destination|\bhost|client|server|peer|remote|from|dns|resolver|gateway"
    r"|ping|login|forwarded-for|\bvia|://)(?:[ _-](?:ip|addr(?:ess)?))?s?(?: is| was)?[\"']?\s?[=:(\[]?\s?[\"']?\Z",
    re.IGNORECASE,
)
LOGGED = re.compile(r":[0-9]{2,5}\b|/[0-9]{1,2}\b(?!/)| - (?:-|\w+) \[")
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
    compact = re.sub("[ .-]", "", text).upper()
    turned = compact[4:] + compact[:4]
    right = len(compact) == IBAN_LENGTHS.get(compact[:2])
    return right and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def before(match: re.Match[str], characters: int) -> str:
    """What stands before a match in its text; a NUL stands between texts."""
    return match.string[max(0, match.start() - characters) : match.start()].rpartition("\x00")[2]


def words_before(match: re.Match[str], characters: int) -> str:
    """The same with each digit as 0, which makes many of them alike: in a table, what they say is worked out once."""
    return DIGIT.sub("0", before(match, characters))


def _obfuscated(match: re.Match[str]) -> int:
    """Words without brackets count in capitals alone: "at" and "dot" are words."""
    bracketed = any(sign in match[0] for sign in "[({<")
    return len(match[0]) if bracketed or (" AT " in match[0] and " DOT " in match[0]) else 0


def _iban(match: re.Match[str]) -> int:
    if match[0][:2].upper() not in IBAN_LENGTHS:
        return 0
    ends = [m.end() for m in re.finditer(r"\w+", match[0])]
    return next((end for end in reversed(ends) if iban_holds(match[0][:end])), 0)


def _card(match: re.Match[str]) -> int:
    for end in (group.end() for group in reversed(list(DIGITS.finditer(match[0])))):
        if GROUPED.fullmatch(match[0], 0, end) is None:
            continue
        digits = "".join(DIGITS.findall(match[0][:end]))
        if ISSUED.fullmatch(digits) and luhn(digits) and len(set(digits)) > 1:
            odd = len(digits) == end and (len(digits) > 16 or CALLED.search(before(match, 4)))
            return end if not odd or CARD_WORDS.search(before(match, 48)) else 0
    return 0


def _ssn(match: re.Match[str]) -> int:
    """Hyphens tell it; nine bare digits are one only where the text says so."""
    return len(match[0]) if match[1] == "-" or SSN_WORDS.search(before(match, 40)) else 0


def _address(match: re.Match[str]) -> int:
    """An address of a machine, public or of a private network; neither the machine itself nor a mask nor a group.

    One below 10.* is mostly a version's or section's number, unless what stands around it says what it is.
    """
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return 0
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return 0
    if address.version == 6:
        return len(match[0])
    if address.is_link_local:  # each machine's own, such as where a cloud tells it of itself
        return 0
    first = int(match[0].split(".")[0])
    context = before(match, 24)
    speaks = any(map(str.isalpha, context)) or context.endswith(("=", "§"))
    if first in (0, 255) or (speaks and NUMBERED.search(context[-16:])):
        return 0
    addressed = (speaks and ADDRESSED.search(context)) or LOGGED.match(match.string, match.end())
    low = first < 10 and not addressed
    return 0 if low else len(match[0])


NUMBER_FORMS = (
    Form("email", EMAIL, lambda places: places.marks(("@",), 200)),
    Form("email", EMAIL_SPACELESS, lambda places: places.marks(("@",), 200) if not places.text.isascii() else []),
    Form("email", OBFUSCATED, lambda places: places.marks(AT_SIGNS, 200), _obfuscated),
    Form("iban", IBAN, lambda places: places.digits, _iban),
    Form("card", CARD, lambda places: places.digits, _card),
    Form("ssn", SSN, lambda places: places.digits, _ssn),
    Form("ip", IPV4, lambda places: places.dots, _address),
    Form("ip", IPV6, lambda places: places.colons, _address),
)
