from __future__ import annotations

import pytest

from corpora.filters.privacy import mask_all
from tests.domain.text.privacy.no_phones import NO_PHONES


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


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_not(text: str) -> None:
    assert mask_all(text) == text
