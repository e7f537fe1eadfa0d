from __future__ import annotations

import time

import pytest

from domain.text.privacy import FORMS, KINDS, Find, find, find_all, mask
from domain.text.privacy.find import Form, Places

EVERYWHERE = [Form(f.kind, f.pattern, lambda places: [(0, len(places.text))], f.holds) for f in FORMS]


def test_masking_again_changes_nothing_and_kinds_can_be_chosen() -> None:
    text = "a@b.org 4111111111111111 078-05-1120"
    once, found = mask(text)
    assert once == "<EMAIL> <CARD> <SSN>"
    assert found == {"email": 1, "card": 1, "ssn": 1}
    assert mask(once) == (once, {})
    assert mask(text, [form for form in FORMS if form.kind == "ssn"]) == ("a@b.org 4111111111111111 <SSN>", {"ssn": 1})
    assert KINDS == ("key", "email", "iban", "card", "ssn", "ip", "phone")


def test_many_texts_are_searched_each_for_itself() -> None:
    texts = ["a@b.org", "", "SSN", "078051120", "é 212-555-0134", "Phone:", "467 3395", "to c@d.org, to e@f.org"]
    assert find_all(texts, FORMS) == [find(text, FORMS) for text in texts]
    assert find_all(texts, FORMS)[4] == [Find(2, 14, "phone")]
    assert [len(each) for each in find_all(texts, FORMS)] == [1, 0, 0, 0, 1, 0, 0, 2]
    assert find_all([], FORMS) == []


def test_looking_only_where_digits_are_dense_misses_nothing() -> None:
    parts = ["+1 212 555 0134", "078-05-1120", "GB82 WEST 1234 5698 7654 32", "31, 2010 and 2009",
             "1,250,000 1,300,000",
             "x" * 90, "tel 467 3395", "86.121.97.248", "2606:4700:4700::1111", "a@b.org", "é" * 40,
             "4111 1111 1111 1111",
             "key=wJalrXUtnFEMI7K7MDENG", "5551234, 5555678",
             "call 555-123-4567, 555-123-4568, 555-123-4569"]  # fmt: skip
    for shift in range(1, len(parts)):
        text = ", ".join(parts[i * shift % len(parts)] for i in range(len(parts)))
        assert find(text, FORMS) == find(text, EVERYWHERE)


def test_where_it_looks() -> None:
    assert Places("In 2010 we sold 1,250,000 shares for $12,500,000").digits == []
    assert Places("x" * 500 + "5551234" + "x" * 500).digits == [(500 - 11 + 5 - 72, 500 + 1 + 12 + 72)]
    assert Places("").digits == [(0, 0)]


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "12-", "@", "a@", "a.a@", "eyJa.", "-----BEGIN PRIVATE KEY-----", "key=aB3", "password: ",
              "(11) ", "1:", "1.", "A1", "AB12 ", "sk-a", " 4111111111111111", "tel 5551234 "]
)  # fmt: skip
def test_no_text_takes_for_ever(piece: str) -> None:
    """200 kB of the worst take under half a second here; what grows with the square would take minutes."""
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    find(text, FORMS)
    assert time.process_time() - began < 10
