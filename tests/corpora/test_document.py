from __future__ import annotations

import time

import pytest

from corpora.document import Document, clean, iso_language, to_trove


def test_clean_text() -> None:
    assert clean("  a\r\nb\rc\x00\n") == "a\nb\nc"
    assert clean("x\ud800y") == "x\ufffdy"
    assert clean("na\u00efve 😀") == "na\u00efve 😀"
    assert clean("nai\u0308ve") == "na\u00efve"  # an i and its dots become one letter
    assert clean("ﬁt a bafﬂing oﬃce") == "fit a baffling office"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\u200bb\ufeffc\u2060d\u200ee\u202ef\u2067g\u00adh\U000e0041i", "abcdefghi"),
        ("sta\u00adte\u00ad\nments, state-\nments", "statements, state-\nments"),
        ("می\u200cروم क्\u200dष a\u200cb", "می\u200cروم क्\u200dष ab"),
        ("👩\u200d🔬 ❤\ufe0f", "👩\u200d🔬 ❤\ufe0f"),
        ("it\x92s \x93so\x94\x81", "it’s “so”"),  # windows-1252 that was read as latin-1
        ("a\x01b\x7fc\x1fd\x0ce\u2028f\x1cg\te", "abcd\ne\nf\ng\te"),
        ("e\u200b\u0301", "é"),
        ("no\u00a0break \u2013 ۰", "no\u00a0break \u2013 ۰"),
        ("e" + "\u0301\u0323" * 100, "\u1eb9" + "\u0323" * 14 + "\u0301" * 15),
    ],
)
def test_what_is_invisible_is_not_stored(text: str, stored: str) -> None:
    assert clean(text) == stored
    assert clean(stored) == stored
    assert Document(id="1", text=text, source="s").text == stored


@pytest.mark.parametrize("piece", ["\u0301\u0323", "\u200d", "\u00ad", "\u00ad \n", "\x01"])
def test_cleaning_takes_linear_time(piece: str) -> None:
    """Half a million marks on one letter take NFC alone over a minute."""
    began = time.process_time()
    clean("a" + piece * 500_000)
    assert time.process_time() - began < 5


def test_a_document_can_always_be_written() -> None:
    document = Document(id="a\udcff", text=" t\ud800 ", source="s", url="http://x/\udc80", date="20240131")
    assert document.row() == {
        "id": "a\ufffd", "text": "t\ufffd", "source": "s", "url": "http://x/\ufffd", "licence": None,
        "date": "2024-01-31", "language": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "day", "unread"),
    [
        ("2024-01-31", "2024-01-31", None), (None, None, None), ("n/a", None, None), ("soon", None, "soon"),
        ("9999-12-31", None, "9999-12-31"), ("x" * 99, None, "x" * 40), ("\udc80", None, "\ufffd"),
    ],
)  # fmt: skip
def test_a_date_that_is_none_leaves_a_document_undated(stated: str | None, day: str | None, unread: str | None) -> None:
    document = Document(id="a", text="t", source="s", date=stated)
    assert (document.date, document.unread_date) == (day, unread)
    assert document.row()["date"] == day


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
