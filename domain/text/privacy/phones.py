"""Forms of phone numbers: those that their writing tells, and local ones where the text says what they are."""

from __future__ import annotations

import re
from functools import lru_cache

from domain.text.privacy.find import Form
from domain.text.privacy.numbers import NOT_WITHIN, words_before

PHONE_END = r"(?:x\d{1,5})?(?!\w|-\d|[.,]\d)"
GROUP_GAP = r"(?: ?/ ?| - |[ .-])"  # between the groups of a number
# With +country, with (area), as 3-3-4 digits, or with a leading 0 in the groups of British, Swedish or French numbers.
WRITTEN = re.compile(
    r"(?=[0-9+(])(?<!\$)" + NOT_WITHIN + r"(?:"
    r"\+(?![0-9]{1,3}\.[0-9]+\b(?![.-]))(?![0-9]{4}-[0-9]{2}-)[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,6}\)?){2,6}"
    r"|(?:(?:00)?1[ .-])?(?:\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})"
    r"|\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4}|8[ -]?\([0-9]{3}\) ?[0-9]{3}-[0-9]{2}-[0-9]{2}"  # of Brazil, of Russia
    r"|0[1-9][0-9]{1,3}(?: [0-9]{2,4}){2,3}|0[1-9](?:[.-][0-9]{2}){4})" + PHONE_END
)
LOCAL = re.compile(
    r"(?=[0-9(])(?<![$€£])"
    + NOT_WITHIN
    + r"(?:\([0-9]{2,5}\) ?)?[0-9]{2,11}(?:"
    + GROUP_GAP
    + "[0-9]{1,8}){0,5}"
    + PHONE_END
)
# What says so before a number: a word for a phone, or a request to use one.
SAID = re.compile(
    r"(?:\b(?:tele)?(?:phone|fono|fon|fax)|\btel|t[ée]l[ée](?:phone|phonique)?|tel[eé]fono?e?|telefoon|whatsapp|hotline"
    r"|\btlf|\bgsm|\bmobil|rufnummer|durchwahl|телефону?|\bтел|電話|电话|전화|هاتف|فون|फ़ोन|फोन)"
    r"s?(?:nummer)?\b[\s.:#-]{0,4}"
    r"(?:(?:number|nummer|no|nr|num|番号|号码|번호)\b[\s.:#]{0,3})?(?:(?:is|at|on)\s)?\Z"
    r"|\b(?:mobile|mob|cell|cellular|handy|desk|office|direct|home|work|contact|call|sms|ph)"
    r"(?:\s(?:phone|line|number|no|nr))?\s?[.:]\s{0,3}\Z"
    r"|\b(?:call(?:ing)?|phon(?:e|ing)|ring(?:ing)?|reach|text(?:ing)?|dial(?:ling)?|answer(?:ing)?|messages?"
    r"|appel(?:ez|er)|llam(?:e|ar|a)|ligue|anrufen unter|bellen)"
    r"(?:\s(?:me|us|him|her|them|our|the|your|office|desk|team|helpline|back|now|today|toll[ -]free|collect|direct"
    r"|directly|number|al|au|para|on|at|to)){0,4}[\s:,-]{1,3}\Z",
    re.IGNORECASE,
)
SAID_WITHIN = 6  # characters before the number, one of which is a letter of what says so
# And behind it, unless that word announces the next number: "NE 68848-1480 phone: 308-236-8491".
SAID_AFTER = re.compile(r"[\s(-]{1,2}(?:office|fax|mobile|cell|phone|home|work)\b(?!\s?:)", re.IGNORECASE)
DATE = re.compile(
    r"(?:1[89]|20)\d\d[ ./-](?:\d\d?[ ./-]\d\d?|(?:1[89]|20)\d\d)|\d\d?[ ./-]\d\d?[ ./-](?:1[89]|20)\d\d"
)  # one day, or two years


def _written(match: re.Match[str]) -> int:
    return len(match[0]) if 9 <= digits(match[0]) <= 15 else 0


def _local(match: re.Match[str]) -> int:
    if not 7 <= digits(match[0]) <= 13 or DATE.fullmatch(match[0]):
        return 0
    announced = announces(words_before(match, 48)) or SAID_AFTER.match(match.string, match.end())
    return len(match[0]) if announced else 0


@lru_cache(maxsize=1024)
def announces(context: str) -> bool:
    """Whether what stands before a number says that it is a phone's, by a word close before it."""
    return any(map(str.isalpha, context[-SAID_WITHIN:])) and SAID.search(context) is not None


def digits(number: str) -> int:
    """How many digits a number has, its extension apart."""
    return sum(map(str.isdigit, number.partition("x")[0]))


PHONE_FORMS = (
    Form("phone", WRITTEN, lambda places: places.digits, _written),
    Form("phone", LOCAL, lambda places: places.digits, _local),
)
