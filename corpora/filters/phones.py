"""Phone numbers that are valid in a country's numbering plan, in any context."""

from __future__ import annotations

import re
from itertools import pairwise

from corpora.filters.phone_plans import is_international, is_national
from domain.text.privacy import Form
from domain.text.privacy.numbers import NOT_WITHIN
from domain.text.privacy.phones import DATE, GROUP_GAP, PHONE_END, digits

# A country code behind +, 00 or 011; it must be a number of that country.
INTERNATIONAL = re.compile(
    r"(?=[0+(])(?<![\w./])(?<![0-9][,:-])\(?(?:\+|00 ?|011[ .-])\(?[1-9](?:\)?(?: ?[/.-] ?| )?\(?[0-9]){6,16}"
    + PHONE_END
)
# A leading 0, as most countries write it within their borders, in the groups of one of their numbering plans.
NATIONAL = re.compile(
    r"(?=[0(])(?<![$€£:/<`])(?<!\d )" + NOT_WITHIN + r"(?:\(0[1-9][0-9]{0,4}\) ?|0[1-9][0-9]{0,4}" + GROUP_GAP + ")"
    r"[0-9]{2,8}(?:" + GROUP_GAP + r"[0-9]{2,4}){0,4}" + PHONE_END + r"(?! \d\d\b|[/:]\d)"
)


def _international(match: re.Match[str]) -> int:
    """The whole of it is in a numbering plan, or all but its last group."""
    number = match[0]
    shorter = re.sub(r"[^0-9]+[0-9]+\Z", "", number)
    for part in (number, shorter):
        if 7 <= digits(part) <= 16 and part.count("(") == part.count(")") and is_international(part.partition("x")[0]):
            return len(part)
    return 0


def _national(match: re.Match[str]) -> int:
    number = match[0].partition("x")[0]
    groups = re.findall("[0-9]+", number)
    if not 8 <= sum(map(len, groups)) <= 13 or DATE.fullmatch(match[0]):
        return 0
    steps = {int(second) - int(first) for first, second in pairwise(groups)}
    if len(groups) > 2 and len(steps) == 1 and abs(steps.pop()) <= 10:  # a row that counts: 01 02 03 04 05
        return 0
    apart = re.split("[0-9]+", number)[1:-1]
    if len(groups) == 2 and (len(groups[1]) < 6 or apart == ["."]):  # a postal code, a serial's number, a decimal
        return 0
    if [len(group) for group in groups] == [4, 2, 2] or ("/" in "".join(apart[1:]) and len(groups[0]) < 3):  # days
        return 0
    # A slash behind the area tells itself from all else; then its groups are free.
    return len(match[0]) if "/" in apart[0] or is_national(groups) else 0


PLANNED_FORMS = (
    Form("phone", INTERNATIONAL, lambda places: places.digits, _international),
    Form("phone", NATIONAL, lambda places: places.digits, _national),
)
