from __future__ import annotations

from corpora.filters.phone_plans import is_international, is_national


def test_numbers_of_the_plans() -> None:
    """libphonenumber's own examples of four countries, and numbers that no country has."""
    assert all(map(is_international, ["+44 121 234 5678", "+49 30 123456", "0033 1 23 45 67 89", "+1 201 555 0123"]))
    assert not any(map(is_international, ["+999 123 456", "+1 155 555 0123", "+44 1", "+"]))
    assert is_national(["030", "1234567"])
    assert is_national(["01", "23", "45", "67", "89"])
    assert not is_national(["0000", "000000"])
    assert not is_national(["0", "1"])
