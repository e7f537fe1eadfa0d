from __future__ import annotations

import pytest

from domain.text.privacy import mask
from tests.domain.text.privacy.no_phones import NO_PHONES


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +44 20 7946 0958 or (212) 555-0134", "call <PHONE> or <PHONE>"),
        ("1-800-555-0199, 212.555.0134 and 555-123-4567x89", "<PHONE>, <PHONE> and <PHONE>"),
        ("tel 01.84.17.61.18; 0490 75 40 81", "tel <PHONE>; <PHONE>"),
        ("office,+41 (0)44 979 80 58-fax", "office,<PHONE>-fax"),
        ("Phone: 467 3395", "Phone: <PHONE>"),
        ("Fax No. 9498777106", "Fax No. <PHONE>"),
        ("Mobile: 737 219 628", "Mobile: <PHONE>"),
        ("téléphone 71-33-52-22", "téléphone <PHONE>"),
        ("They are not answering at 78 651 450.", "They are not answering at <PHONE>."),
        ("call me back on (08) 8747 6301", "call me back on <PHONE>"),
        ("416 60 039 office", "<PHONE> office"),
        ("Tel. 089 / 123456-78", "Tel. <PHONE>"),
        ("fax\u2014212\u2013555\u20130134, call us\u2014467 3395", "fax\u2014<PHONE>, call us\u2014<PHONE>"),
        ("call 555-0173, or you can call us back on 467 3395", "call <PHONE>, or you can call us back on <PHONE>"),
        (
            "тел. 495 123-45-67, 電話: 123 4567, Telefonnummer: 467 3395",
            "тел. <PHONE>, 電話: <PHONE>, Telefonnummer: <PHONE>",
        ),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text)[0] == masked


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_not(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize("said", ["tel", "Tel.: no. ", "phone number is ", "電話:. :", "cell :   ", "call us at, -"])
def test_the_word_that_announces_a_number_is_close_before_it(said: str) -> None:
    """However many marks the forms allow between them, in whatever row of a table."""
    assert mask(f"{said} 123 4567" if said == "tel" else f"{said}123 4567")[1] == {"phone": 1}
    assert mask(f"{said}       123 4567")[1] == mask("0 . 123 4567")[1] == {}
