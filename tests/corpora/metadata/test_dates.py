from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from corpora.metadata.dates import Dates, iso_day, states_date

NIGHT = datetime(2024, 1, 5, 23, 30, tzinfo=timezone(timedelta(hours=-8)))


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-05", " 2024-01-05\n", "2024-1-5", "2024/01/05", "2024/1/5", "2024.01.05", "20240105", 20240105,
        20240105.0,
        "2024-01-05T23:30:00Z", "2024-01-05T23:30:00.123456+02:00", "2024-01-05 23:30", "2024-01-05T23:30:00-0800",
        "2024-01-05 11:30 PM", "2024-01-05Z", "2024-01-05+01:00", "2024-01-05T10:00:00+01:00[Europe/Berlin]",
        "2024-01-05 23:30:00 +0000 UTC", "20240105T233000Z", "20240105233000", 20240105233000, "20240105233000123",
        "Jan 5, 2024", "January 5 2024", "Friday, January 5, 2024 at 10:00 AM EST", "5 Jan 2024", "05-JAN-2024",
        "5th of January, 2024", "2024-Jan-05", "2024 Jan 5", "Fri, 05 Jan 2024 23:30:00 -0800",
        "Fri, 05 Jan 2024 23:30:00 GMT", "5 Jan 24 23:30:00 GMT", "Fri Jan  5 23:30:00 2024",
        "Fri Jan 05 23:30:00 +0000 2024", "Fri Jan 05 2024 23:30:00 GMT+0100 (Central European Standard Time)",
        "2024年1月5日", "2024년 1월 5일", "2024-W01-5", "1704412800", 1704412800, 1704412800.75, 1704412800000,
        "1704412800000000", 1704412800000000000, Decimal(1704412800), date(2024, 1, 5), datetime(2024, 1, 5, 23), NIGHT,
    ],
)  # fmt: skip
def test_common_forms(value: object) -> None:
    assert iso_day(value) == "2024-01-05"


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("Sept 3, 2021", "2021-09-03"), ("1215-06-15", "1215-06-15"), (-315619200, "1960-01-01"), (2100, None),
        (978307200000, "2001-01-01"), (1612051200, "2021-01-31"), ("2024-02-29", "2024-02-29"),
        ("1000-01-01", "1000-01-01"),
        ("2100-12-31", "2100-12-31"), ("5 Jan 50 23:30:00 GMT", "1950-01-05"), ("5 Jan 49 23:30:00 GMT", "2049-01-05"),
        ("2016-12-31T23:59:60Z", "2016-12-31"), ("2024-01-05T24:00:00", "2024-01-05"), ("1900-01-01", "1900-01-01"),
    ],
)  # fmt: skip
def test_days_at_the_edge(value: object, day: str | None) -> None:
    assert iso_day(value) == day


@pytest.mark.parametrize(
    "value",
    [
        # two days
        "01/02/2021", "31/01/2021", "05.01.2024", "05-01-2024", "1/5/24", "05 Jan 24", "2024010512", 202401051200,
        # no day
        "2024", 2024, "2024-01", "Jan 2024", "Q1 2024", "202401", "soon", "yesterday", "5. Januar 2024", "45296", 45296,
        "12345678", 17044128000, 5, True, [1], {"a": 1}, b"2024-01-05", "1" * 5_000, "x" * 100_000, "\u0662\u0660",
        # none in the calendar, or none that anybody means
        "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-05T25:00", "2024-01-05T10:61", "0001-01-01",
        "0999-12-31", "2101-01-01", "9999-12-31", 10**400, -(10**400), 1e300, float("inf"), Decimal("1E+999"),
        datetime.max, datetime.min.replace(tzinfo=UTC), date.max, 99999999, "2024-W54-1",
    ],
)  # fmt: skip
def test_what_is_no_day_is_not_guessed(value: object) -> None:
    assert iso_day(value) is None
    assert Dates(zone="Asia/Tokyo").day(value) is None
    assert states_date(value)


@pytest.mark.parametrize("value", [None, "", " ", "n/a", "N/A", "NaN", "null", "None", "-", "unknown", float("nan")])
def test_nothing_is_not_a_date_that_cannot_be_read(value: object) -> None:
    assert iso_day(value) is None
    assert not states_date(value)


@pytest.mark.parametrize(
    ("form", "value", "day"),
    [
        ("%d/%m/%Y", "01/02/2021", "2021-02-01"), ("%m/%d/%Y", "01/02/2021", "2021-01-02"),
        ("%d.%m.%y", "05.01.24", "2024-01-05"),
        ("%Y-%m", "2021-02", "2021-02-01"), ("%Y", 2021, "2021-01-01"), ("%Y%d%m", 20240501, "2024-01-05"),
        ("%d/%m/%Y %H:%M %z", "05/01/2024 23:30 +0000", "2024-01-05"), ("%d/%m/%Y", "2021-01-02", None),
        ("%d/%m/%Y", date(2024, 1, 5), "2024-01-05"), ("%d/%m/%Y", "01/02/9999", None),
    ],
)  # fmt: skip
def test_a_stated_form_is_the_only_one(form: str, value: object, day: str | None) -> None:
    assert Dates(format=form).day(value) == day


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("Fri, 05 Jan 2024 23:30:00 -0800", "2024-01-06"), ("2024-01-05T23:30:00Z", "2024-01-06"),
        ("Fri, 05 Jan 2024 23:30:00 PST", "2024-01-06"), (1704497400, "2024-01-06"), (NIGHT, "2024-01-06"),
        ("2024-01-05T23:30:00", "2024-01-05"), ("2024-01-05", "2024-01-05"), ("2024-01-05 23:30:00 XYZ", "2024-01-05"),
    ],
)  # fmt: skip
def test_the_day_in_a_stated_zone(value: object, day: str) -> None:
    assert Dates(zone="Europe/Berlin").day(value) == day
    assert Dates().day(value) == "2024-01-05"


@pytest.mark.parametrize("settings", [{"format": "%H:%M"}, {"format": "x"}, {"format": "%"}, {"format": "%Q"},
    {"format": "%d/%m"},
                                      {"zone": "Mars/Olympus"}, {"zone": "../../etc/passwd"},
                                      {"zone": ""}])  # fmt: skip
def test_settings_that_say_nothing(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"gives no day|is no time zone"):
        Dates(**settings)
