from __future__ import annotations

import pytest

from domain.text.privacy import mask


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


@pytest.mark.parametrize(
    "text",
    [
        "$212-555-0134, 2015-2016-2017 and 10-20-30",
        "01 02 03 04 05 06 07 08 09 10",
        "a call option on 5000000 shares at 467 3395",
        "in office 2015-2019, office: 2015-2019, call me on 2017-12-31",
        "phone sales of 1,234,567 and 12.345678",
        "Total 467 3395 737 219 628",
        "telephone lines: 12345 in 2015",
        "Kearney, NE 68848-1480 phone :",
        "accession number 0000950123-10-012345",
        "Boston, MA 02110-1301, Newark NJ 07102 1234 and 03/31/08 03/31/09",
        "arXiv 0909.4061, doi 10.1088/0026-1394/44/2/003 and ISSN 0026-1394",
        "2019-05-18T15:17:08.132263, 2013-01-01 00:00:00-05:00 2013-01-03 00:00, 0300-01-01, 2015/02/03 11-22-33",
        "array([+0.32456184, +1.12345679, + 14285714.286]) and +1980-02-29 01:02",
        "01 02 03 04 05, 05 10 15 20 25 and 160 = 1010 0000, 64 = 0100 0000",
    ],
)
def test_what_is_not(text: str) -> None:
    assert mask(text) == (text, {})
