from __future__ import annotations

import re
import time

import pytest

from domain.text.fold import fold
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


NUMBERS = ["+49 30 1234567", "(202) 555-0173", "Tel.: 030 1234567", "SSN 078-05-1120", "212-555-0134",
           "Tel. 089 / 123456-78",
           "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32", "john.doe@example.com", "078-05-1120", "52.95.110.1",
           "1-800-555-0199", "call 555-0173"]  # fmt: skip
WIDE = {code: code + 0xFEE0 for code in range(33, 127)} | {32: 0x3000}
WRITINGS = {
    "no-break space": lambda text: text.replace(" ", "\u00a0"),
    "narrow no-break space": lambda text: text.replace(" ", "\u202f"),
    "thin space": lambda text: text.replace(" ", "\u2009"),
    "no-break hyphen": lambda text: text.replace("-", "\u2011"),
    "en dash": lambda text: text.replace("-", "\u2013"),
    "minus": lambda text: text.replace("-", "\u2212"),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "word joiners": lambda text: "\u2060".join(text),
    "zero-width spaces": lambda text: "\u200b".join(text),
    "directions": lambda text: f"\u202a{text}\u202c",
    "full width": lambda text: text.translate(WIDE),
    "Arabic digits": lambda text: text.translate({48 + digit: 0x660 + digit for digit in range(10)}),
    "Devanagari digits": lambda text: text.translate({48 + digit: 0x966 + digit for digit in range(10)}),
    "mathematical bold digits": lambda text: text.translate({48 + digit: 0x1D7CE + digit for digit in range(10)}),
    "keycaps": lambda text: re.sub("[0-9]", r"\g<0>" "\ufe0f\u20e3", text),
    "entities": lambda text: text.replace(" ", "&nbsp;").replace("@", "&#64;").replace("-", "&#x2011;"),
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("number", NUMBERS)
def test_no_writing_hides_a_number(number: str, writing: str) -> None:
    """The same finds as in plain ASCII, and all of each is masked, whatever stands around."""
    text = WRITINGS[writing](number)
    (plain,) = find(number, FORMS)
    (each,) = find(text, FORMS)
    assert each.kind == plain.kind
    folded = fold(text)
    assert each.start == folded.original(plain.start, plain.start + 1)[0]
    assert each.end == folded.original(plain.end - 1, plain.end)[1]
    assert mask(f"so \u201c{text}\u201d\u2014yes")[1] == {plain.kind: 1}


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "12-", "@", "a@", "a.a@", "eyJa.", "-----BEGIN PRIVATE KEY-----", "key=aB3", "password: ", "(11) ",
     "1:", "1.", "A1", "AB12 ", "sk-a", " 4111111111111111", "tel 5551234 ", "cpf nhs ssn 12345678 ", "+49 30 1234567 ",
     "+1 1 1 1 ", "0049 30 ", "01 23 45 67 89, ", "０３０ ", "1\u00ad", "john [at] ", "a DOT b AT ", "://a:b",
     "1.2.3.4 ", "&amp;030 ", "Authorization: Basic ", "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n"],
)  # fmt: skip
def test_no_text_takes_for_ever(piece: str) -> None:
    """200 kB of the worst take under a second here; what grows with the square would take minutes."""
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    find(text, FORMS)
    assert time.process_time() - began < 10
