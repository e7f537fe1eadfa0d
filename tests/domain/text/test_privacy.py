from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from domain.text.privacy import KINDS, iban_holds, luhn, mask

# Published test numbers: card schemes' own, and the SWIFT IBAN registry's examples.
CARDS = ["4111 1111 1111 1111", "5555555555554444", "378282246310005", "6011-1111-1111-1117", "3530111333300000",
         "30569309025904", "2223003122003222", "5105105105105100", "4012888888881881"]  # fmt: skip
IBANS = ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606",
         "NO93 8601 1117 947", "AT61 1904 3002 3457 3201", "CH93 0076 2011 6238 5295 7", "BE68539007547034",
         "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "nl91abna0417164300"]  # fmt: skip


@pytest.mark.parametrize("number", CARDS)
def test_published_cards_are_masked_wherever_they_stand(number: str) -> None:
    assert luhn("".join(filter(str.isdigit, number)))
    for text in ("Card {}.", "{}", "pay by {} 12/27 cvc 123", "({}), thanks", "{} 999"):
        masked, found = mask(text.format(number))
        assert found == {"card": 1}
        assert masked == text.format("<CARD>")


@pytest.mark.parametrize("number", IBANS)
def test_published_ibans_are_masked_and_what_follows_is_not(number: str) -> None:
    assert iban_holds(number)
    for text in ("IBAN {} BIC", "to {}, now", "{} BANK OF", "{}"):
        assert mask(text.format(number)) == (text.format("<IBAN>"), {"iban": 1})


@pytest.mark.parametrize("number", [n[:-1] + str((int(n[-1]) + 1) % 10) for n in CARDS])
def test_a_wrong_check_digit_is_no_card(number: str) -> None:
    assert mask(f"order {number} shipped")[1].get("card") is None


@pytest.mark.parametrize(
    "text", ["GB82 WEST 1234 5698 7654 33", "DE8937040044053201300", "XX82 WEST 1234 5698 7654 32"]
)
def test_no_ibans(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to Ann.Lee+news@mail.example.co.uk.", "write to <EMAIL>."),
        ("<_ops@example.org>", "<<EMAIL>>"),
        ("call +44 20 7946 0958 or (212) 555-0134", "call <PHONE> or <PHONE>"),
        ("1-800-555-0199, 212.555.0134 and 555-123-4567x89", "<PHONE>, <PHONE> and <PHONE>"),
        ("tel 01.84.17.61.18; 0490 75 40 81", "tel <PHONE>; <PHONE>"),
        ("SSN 078-05-1120", "SSN <SSN>"),
        ("from 86.121.97.248.", "from <IP>."),
        ("from 86.121.97.248:8080", "from <IP>:8080"),
        ("at 2606:4700:4700::1111, or 2001:4860:4860:0:0:0:0:8888", "at <IP>, or <IP>"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "x[::2] and std::vector at 12:30:45",
        "127.0.0.1, 10.0.0.1, 192.168.1.1 and version 2.13.0.1",
        "@decorator and user@localhost",
        "000-12-3456, 666-12-3456, 123-00-4567 and 912-34-5678",
        "revenue of 4,111,111,111 and 0.4111111111111111",
        "$212-555-0134, 2015-2016-2017 and 10-20-30",
        "01 02 03 04 05 06 07 08 09 10",
        "pi is 3.14159265358979323846",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_is_not(text: str) -> None:
    assert mask(text) == (text, {})


def test_masking_again_changes_nothing_and_kinds_can_be_chosen() -> None:
    text = "a@b.org 4111111111111111 078-05-1120"
    once, found = mask(text)
    assert once == "<EMAIL> <CARD> <SSN>"
    assert found == {"email": 1, "card": 1, "ssn": 1}
    assert mask(once) == (once, {})
    assert mask(text, ("ssn",)) == ("a@b.org 4111111111111111 <SSN>", {"ssn": 1})
    assert KINDS == ("email", "iban", "card", "ssn", "ip", "phone")


def test_on_labelled_text(standard_data: Path) -> None:
    """Presidio's 1,500 synthetic sentences with labelled spans: recall by kind, and hardly a false find."""
    kinds = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "US_SSN": "ssn", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
             "PHONE_NUMBER": "phone"}  # fmt: skip
    there, caught, false = Counter[str](), Counter[str](), Counter[str]()
    for line in (standard_data / "safety" / "privacy.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        masked, found = mask(record["full_text"])
        spans = Counter(kinds[s["entity_type"]] for s in record["spans"] if s["entity_type"] in kinds)
        false.update({kind: max(0, count - spans[kind]) for kind, count in found.items()})
        for span in record["spans"]:
            if kind := kinds.get(span["entity_type"]):
                there[kind] += 1
                caught[kind] += span["entity_value"] not in masked
    recall = {kind: caught[kind] / there[kind] for kind in there}
    assert recall["email"] == recall["ssn"] == recall["iban"] == recall["ip"] == 1.0
    assert recall["card"] > 0.98
    # The labels hold numbers in the local form of many countries, which nothing tells from other numbers.
    assert recall["phone"] > 0.5
    assert sum(false.values()) <= 2
