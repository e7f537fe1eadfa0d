"""The numbering plans of all countries, from Google's libphonenumber: valid numbers and their grouping."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

GROUP = re.compile(r"\(\\d(?:\{(\d+)(?:,(\d+))?\})?\)")
TRUNK = "0"  # what most countries put before a number within their borders


@dataclass(frozen=True)
class Writing:
    """How a country groups some of its numbers: the (fewest, most) digits of each group, what such numbers begin with,
    and what all its numbers look like.
    """

    groups: tuple[tuple[int, int], ...]
    beginning: str
    number: str


def is_international(number: str) -> bool:
    """Whether digits behind +, 00 or 011 and a country code are a number of that country."""
    import phonenumbers

    compact = re.sub(r"\(0\)|[^0-9]", "", number)
    if "+" not in number:
        compact = re.sub(r"\A(?:00|011)", "", compact)
    for size in (1, 2, 3):  # of the country's code: no code begins another one
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(compact[:size] or 0), ()):
            national = compact[size:].removeprefix(TRUNK)
            pattern = national_pattern(region)
            if any(compiled(pattern).fullmatch(each) for each in (compact[size:], national)):
                return True
    return False


@lru_cache(maxsize=512)
def national_pattern(region: str) -> str:
    """What all numbers of a region look like without its country's code; nothing where the plans have none."""
    import phonenumbers

    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return (plan and plan.general_desc and plan.general_desc.national_number_pattern) or "(?!)"


def is_national(groups: list[str]) -> bool:
    """Whether some country writes a number in these groups of digits, the first one with the leading 0."""
    national = "".join(groups)[1:]
    first, *others = map(len, groups)
    return any(
        compiled(writing.beginning).match(national) is not None
        and compiled(writing.number).fullmatch(national) is not None
        for writing in writings_of((first - 1, *others))
    )


@lru_cache(maxsize=512)
def writings_of(sizes: tuple[int, ...]) -> list[Writing]:
    """The writings that have groups of these sizes."""
    return [
        writing
        for writing in writings()[len(sizes)]
        if all(low <= size <= high for size, (low, high) in zip(sizes, writing.groups, strict=True))
    ]


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the plans, made when it is first asked for: they are thousands."""
    return re.compile(pattern)


@lru_cache(maxsize=1)
def writings() -> dict[int, list[Writing]]:
    """By number of groups, how countries write numbers with a leading 0."""
    import phonenumbers

    writings = defaultdict[int, list[Writing]](list)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        if plan is None or plan.national_prefix != TRUNK:
            continue
        for form in plan.number_format:
            groups = GROUP.findall(form.pattern or "")
            if TRUNK not in (form.national_prefix_formatting_rule or "") or len(groups) != (form.pattern or "").count(
                "("
            ):
                continue
            sizes = tuple((int(low or 1), int(high or low or 1)) for low, high in groups)
            beginning = form.leading_digits_pattern[-1] if form.leading_digits_pattern else ""
            writing = Writing(sizes, beginning, national_pattern(region))
            if writing not in writings[len(sizes)]:
                writings[len(sizes)].append(writing)
    return writings
