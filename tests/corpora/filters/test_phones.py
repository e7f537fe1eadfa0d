from __future__ import annotations

import pytest

from corpora.filters.privacy import mask_all


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("030/1234567, +49/30/1234567, 0049 30 1234567", "<PHONE>, <PHONE>, <PHONE>"),
        ("01 23 45 67 89 und 0171-2345678", "<PHONE> und <PHONE>"),
        # As libphonenumber's examples of these countries are written within them.
        ("020 7946 0958; (030) 1234567; 03-1234-5678; 02-1234-5678", "<PHONE>; <PHONE>; <PHONE>; <PHONE>"),
        ("8 (495) 123-45-67, (11) 91234-5678, +86 138 0013 8000", "<PHONE>, <PHONE>, <PHONE>"),
        ("011 44 20 7946 0958 and 00 33 1 23 45 67 89", "<PHONE> and <PHONE>"),
        ("+1 (212) 555-0134x12, +44 (0)20 7946 0958", "<PHONE>, <PHONE>"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask_all(text) == masked


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
    assert mask_all(text) == text
