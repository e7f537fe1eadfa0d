"""Days as sources write them: the common forms, or one that the recipe states; an ambiguous date is none."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from domain.spec import Spec

FIRST_YEAR, LAST_YEAR = 1000, 2100  # years before and after these stand for "none" and "never"
LONGEST_DATE = 80  # characters
LARGEST_NUMBER = 10**25
NO_DATE = {"", "-", "--", "?", "n/a", "na", "nan", "nat", "nil", "none", "null", "unknown", "undated"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Digits of a time since 1970 -> how many of its units are a second. 11 digits are no such time of today's calendar.
EPOCH_UNITS = {9: 1, 10: 1, 12: 10**3, 13: 10**3, 15: 10**6, 16: 10**6, 18: 10**9, 19: 10**9}
COMPACT = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S", 20: "%Y%m%d%H%M%S"}  # what follows is a fraction
AMBIGUOUS = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M"}  # as many digits as a time since 1970 has
FIRST_COMPACT = 1900  # the year before which digits are not taken for a day with its hour
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
RFC_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}  # hours (RFC 822)

NUMBER = re.compile(r"([+-]?)(\d{1,25})(?:\.\d*)?")
ZONE = (
    r"(?P<zone>Z|(?:GMT|UTC)?[+-]\d{2}(?::?\d{2})?|[A-Z]{2,5}|[A-Z]+(?:/[A-Z_]+)+)?"
    r"(?:\s?\[[\w/+-]+\]|\s?\([^()]+\)|\s[A-Z]{3,4})?"
)
CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?(?:\s?(?P<half>[ap])\.?m\.?)?"
TIME = rf"(?:(?:T|,?\s(?:at\s)?){CLOCK}\s?{ZONE})?"
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s)?"
MONTH, DAY = r"(?P<name>[a-z]{3,9})\.?", r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?P<year>\d{4})"
DATE_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{YEAR}(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})"
        rf"(?:{TIME}|Z|[+-]\d{{2}}:\d{{2}})",  # 2024-01-05T23:30:00Z
        rf"{YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})T(?P<hour>\d{{2}}):?(?P<minute>\d{{2}})"
        rf"(?::?(?P<second>\d{{2}})(?:[.,]\d+)?)?\s?{ZONE}",  # 20240105T233000Z
        rf"{YEAR}\s?[年년]\s?(?P<month>\d{{1,2}})\s?[月월]\s?(?P<day>\d{{1,2}})\s?[日일]{TIME}",  # 2024年1月5日
        rf"{WEEKDAY}{MONTH}\s{DAY},?\s{YEAR}{TIME}",  # January 5, 2024
        rf"{WEEKDAY}{DAY}(?:\s|-|\sof\s){MONTH},?(?:\s|-){YEAR}{TIME}",  # Fri, 05 Jan 2024 23:30:00 -0800
        rf"{WEEKDAY}(?P<day>\d{{1,2}})(?:\s|-){MONTH}(?:\s|-)(?P<short>\d{{2}})\s{CLOCK}\s?{ZONE}",  # RFC 822
        rf"{WEEKDAY}{MONTH}\s{DAY}\s{CLOCK}\s?{ZONE}\s?{YEAR}",  # Fri Jan  5 23:30:00 2024
        rf"{YEAR}(?P<mark>\s|-){MONTH}(?P=mark){DAY}{TIME}",  # 2024-Jan-05
        rf"{YEAR}-W(?P<week>\d{{2}})-(?P<weekday>[1-7]){TIME}",  # 2024-W01-5
    )
]


class Dates(Spec):
    """How a source writes its dates; without it the common forms are read, and the day is the one that is written."""

    column: Annotated[str | None, Field(description="column of the date; default: date")] = None
    format: Annotated[str | None, Field(description="as Python's strptime has it, such as %d/%m/%Y")] = None
    zone: Annotated[str | None, Field(description="whose day counts where a time states its zone")] = None

    @field_validator("format")
    @classmethod
    def _whole(cls, format: str | None) -> str | None:
        try:
            if (
                format is not None
                and by_format(datetime(2021, 12, 31, tzinfo=UTC).strftime(format), format).year != 2021
            ):
                raise ValueError
        except (ValueError, re.error, OverflowError):
            raise ValueError("gives no day; write it as Python's strptime has it, for instance %d/%m/%Y") from None
        return format

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        if zone is not None and zone_of(zone) is None:
            raise ValueError("is no time zone; write for instance Europe/Berlin or UTC")
        return zone

    def day(self, value: object) -> str | None:
        """The day of a value as YYYY-MM-DD; None where it has none, or none that can be told."""
        return iso_day(value, format=self.format, zone=None if self.zone is None else zone_of(self.zone))


def zone_of(name: str) -> tzinfo | None:
    """A time zone by its name in the IANA database; None where there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def states_date(value: object) -> bool:
    """Whether a value is there to be a date; "n/a" and not-a-number are none."""
    if isinstance(value, str):
        return value[: LONGEST_DATE + 1].strip().lower() not in NO_DATE
    return value is not None and value == value


def iso_day(value: object, *, format: str | None = None, zone: tzinfo | None = None) -> str | None:
    """The day that a value names, as YYYY-MM-DD.

    None where it names none, several (01/02/2021), a month or a year alone, or one before 1000 or after 2100. The day
    is the one written, whatever zone is written beside it; numbers count in UTC. With ``zone`` the day there counts.
    """
    if not states_date(value):
        return None
    try:
        moment = moment_of(value, format)
        if moment is None:
            return None
        if zone is not None and isinstance(moment, datetime) and moment.tzinfo is not None:
            moment = moment.astimezone(zone)
        return moment.strftime("%Y-%m-%d") if FIRST_YEAR <= moment.year <= LAST_YEAR else None
    except (ValueError, OverflowError, ArithmeticError):
        return None


def moment_of(value: object, format: str | None) -> date | None:
    """The day, or the time with its zone if that is stated. Raises ``ValueError`` or ``OverflowError`` for some of
    what is neither."""
    if isinstance(value, date):
        return value
    if isinstance(value, bool):
        return None
    text = ""
    if isinstance(value, int | float | Decimal):
        finite = isinstance(value, int) or isfinite(value)
        text = str(int(value)) if finite and -LARGEST_NUMBER < value < LARGEST_NUMBER else ""
    elif isinstance(value, str):
        text = " ".join(value[: LONGEST_DATE + 1].split())
    if not 0 < len(text) <= LONGEST_DATE:
        return None
    if format is not None:
        return by_format(text, format)
    if number := NUMBER.fullmatch(text):
        return by_digits(number[2], negative=number[1] == "-")
    return next((written(match) for form in DATE_FORMS if (match := form.fullmatch(text))), None)


def by_format(text: str, format: str) -> datetime:
    """A text in the form of ``strptime``."""
    return datetime.strptime(text, format)


def by_digits(digits: str, *, negative: bool) -> datetime | None:
    """A number: YYYYMMDD, with the time behind it, or a time since 1970 in s, ms, us or ns; None for any other."""
    count = len(digits)
    if not negative and count in COMPACT:
        return datetime.strptime(digits[:14], COMPACT[count])
    if not negative and count in AMBIGUOUS:
        try:
            if FIRST_COMPACT <= datetime.strptime(digits, AMBIGUOUS[count]).year <= LAST_YEAR:
                return None
        except ValueError:
            pass
    if count not in EPOCH_UNITS:
        return None
    return EPOCH + timedelta(seconds=(-1 if negative else 1) * int(digits) // EPOCH_UNITS[count])


def written(match: re.Match[str]) -> date | None:
    """The day or time that a form names; raises ``ValueError`` where the calendar has none."""
    part = match.groupdict()
    if "week" in part:
        day = date.fromisocalendar(int(part["year"]), int(part["week"]), int(part["weekday"]))
    else:
        # RFC 2822, 4.3: 00 to 49 are of this century.
        year = int(part["year"]) if part.get("year") else 2000 + int(part["short"]) - 100 * (int(part["short"]) > 49)
        month = month_number(part["name"]) if "name" in part else int(part["month"])
        day = date(year, month, int(part["day"]))
    if part.get("hour") is None:
        return day
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part.get("second") or 0)
    if part.get("half"):
        hour = hour % 12 + 12 * (part["half"].lower() == "p") if 1 <= hour <= 12 else 99
    if hour == 24 or second == 60:  # the end of the day; a leap second
        return day if minute <= 59 and hour <= 24 and second <= 60 else None
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=offset(part.get("zone") or ""))


def month_number(name: str) -> int:
    """1 to 12 for an English month, its first three letters, or Sept; 0 for what is none."""
    name = name.lower()
    if name == "sept":
        return 9
    return next((number for number, month in enumerate(MONTHS, 1) if name in (month, month[:3])), 0)


def offset(zone: str) -> tzinfo | None:
    """The zone that stands behind a time; None for none, and for one of no certain meaning, such as IST."""
    zone = zone.upper()
    if zone in ("Z", "UT", "UTC", "GMT"):
        return UTC
    if zone in RFC_ZONES:
        return timezone(timedelta(hours=RFC_ZONES[zone]))
    if match := re.fullmatch(r"(?:GMT|UTC)?([+-])(\d{2}):?(\d{2})?", zone):
        return timezone((-1 if match[1] == "-" else 1) * timedelta(hours=int(match[2]), minutes=int(match[3] or 0)))
    return None
