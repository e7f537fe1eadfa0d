from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from corpora.document import Document, clean, iso_date, iso_language, to_trove


def test_clean_text() -> None:
    assert clean("  a\r\nb\rc\x00\n") == "a\nb\nc"
    assert clean("x\ud800y") == "x\ufffdy"
    assert clean("na\u00efve 😀") == "na\u00efve 😀"
    assert clean("nai\u0308ve") == "na\u00efve"  # an i and its dots become one letter
    assert clean("ﬁt a bafﬂing oﬃce") == "fit a baffling office"


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (None, None),
        ("", None),
        ("2024-02-29", "2024-02-29"),
        ("20240229", "2024-02-29"),
        (20240229, "2024-02-29"),
        ("2024-02-29T23:59:59Z", "2024-02-29"),
        ("2024-02-29 08:00:00+02:00", "2024-02-29"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, tzinfo=UTC), "2024-02-29"),
    ],
)
def test_dates(value: object, day: str | None) -> None:
    assert iso_date(value) == day


@pytest.mark.parametrize("value", ["2023-02-29", "29.02.2024", "yesterday", "1709164800", "2024"])
def test_no_dates(value: str) -> None:
    with pytest.raises(ValueError, match="write YYYY-MM-DD"):
        iso_date(value)


def test_a_document_can_always_be_written() -> None:
    document = Document(id="a\udcff", text=" t\ud800 ", source="s", url="http://x/\udc80", date="20240131")
    assert document.row() == {
        "id": "a\ufffd", "text": "t\ufffd", "source": "s", "url": "http://x/\ufffd", "licence": None,
        "date": "2024-01-31", "language": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="no date"):
        Document(id="a", text="t", source="s", date="soon")


def test_the_engine_carries_all_of_it() -> None:
    row = Document(id="a", text="t", source="s", licence="mit", date="2024-01-31").row()
    carried = to_trove(row)
    assert {"id": carried.id, "text": carried.text, **carried.metadata} == row


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("deu", "de"),
        ("ger", "de"),
        ("en-GB", "en"),
        ("pt_BR", "pt"),
        ("DE", "de"),
        ("haw", "haw"),
        ("", None),
        (None, None),
    ],
)
def test_a_language_has_one_code(code: str | None, short: str | None) -> None:
    assert iso_language(code) == short
