from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from corpora import Curation, Document
from corpora.filters.filter import Change, Drop, FilterAnswer
from corpora.filters.privacy import ALL_FORMS, KINDS, Privacy, mask_all
from domain.text.privacy import FORMS, find
from domain.text.words import Split


def judge(text: str, **settings: object) -> FilterAnswer:
    return Privacy.model_validate(settings).judge([Document(id="1", text=text, source="s")], Split([text]))[0]


def test_it_answers_with_counts() -> None:
    text = "a@b.org, c@d.org and 078-05-1120"
    assert judge(text) == Change("<EMAIL>, <EMAIL> and <SSN>", "privacy: masked", "email 2, ssn 1")
    assert judge(text, mask=["ssn"]) == Change("a@b.org, c@d.org and <SSN>", "privacy: masked", "ssn 1")
    assert judge("nobody") is None


def test_a_kind_can_take_its_document_along() -> None:
    key = "AKIAIOSFODNN7EXAMPLE"
    assert judge(f"{key} and a@b.org", drop=["key"]) == Drop("privacy: key", "1", 1.0)
    assert judge("a@b.org", drop=["key"]) == Change("<EMAIL>", "privacy: masked", "email 1")
    assert judge(key, mask=["email"]) is None


def test_many_are_judged_as_one_is() -> None:
    texts = ["a@b.org", "nobody", "078-05-1120", "é"]
    documents = [Document(id=str(i), text=text, source="s") for i, text in enumerate(texts)]
    assert Privacy().judge(documents, Split(texts)) == [judge(text) for text in texts]


@pytest.mark.parametrize(
    ("content", "found"),
    [({"mask": ["name"]}, "Input should be"), ({"drop": ["name"]}, "Input should be"), ({"mask": []}, "masks nothing")],
)
def test_settings_are_checked(content: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        Curation.model_validate({"filters": [{"kind": "privacy", **content}]})


def test_all_kinds_are_there() -> None:
    assert set(KINDS) == {form.kind for form in ALL_FORMS}
    assert {form.kind for form in FORMS} < set(KINDS)
    assert mask_all("CPF 390.533.447-05, a@b.org") == "CPF <NATIONAL_ID>, <EMAIL>"


# The examples of python-stdnum's documentation.
@pytest.mark.parametrize(
    "number",
    ["390.533.447-05", "85.07.30-033.28", "756.9217.0769.85", "360426199101010071", "54362315K", "54362315-K",
     "X-2482300W", "131052-308T", "2 95 10 99 126 111 93", "295109912611193", "RCCMNL83S18D969H", "971013-9019902",
     "BOXW310820HNERXN09", "AB 12 34 56 C"],
)  # fmt: skip
def test_national_numbers_whose_form_tells(number: str) -> None:
    assert mask_all(f"it is {number}, as stated.") == "it is <NATIONAL_ID>, as stated."


@pytest.mark.parametrize(
    ("word", "number"),
    [("BSN", "1112.22.333"), ("NHS number", "943 476 5870"), ("PESEL", "44051401359"),
     ("Steuer-ID:", "36 574 261 809"),
     ("Aadhaar no.", "2341 2341 2346"), ("CPR", "211062-5629"), ("personnummer", "880320-0016"),
     ("SIN", "123-456-782"), ("TFN", "123 456 782"), ("T.C. Kimlik No", "17291716060"), ("ID number", "7503305044089"),
     ("NI number", "AB123456C"),
     ("ITIN", "912-90-3456"), ("CPF", "39053344705")],
)  # fmt: skip
def test_national_numbers_that_the_text_names(word: str, number: str) -> None:
    assert mask_all(f"{word} {number}") == f"{word} <NATIONAL_ID>"
    assert mask_all(f"lot {number}") == f"lot {number}"
    assert mask_all(f"{word}\n{'and so on ' * 6}{number}").endswith(number)


@pytest.mark.parametrize("text", ["390.533.447-06", "54362315A", "131052-308U", "BSN 111222334", "sing 123-456-782"])
def test_a_wrong_check_digit_or_word_is_none(text: str) -> None:
    assert mask_all(text) == text


PRESIDIO = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "US_SSN": "ssn", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
            "PHONE_NUMBER": "phone"}  # fmt: skip


def test_on_labelled_text(standard_data: Path) -> None:
    """Presidio's 1,500 synthetic sentences with labelled spans: recall by kind, and hardly a false find."""
    there, caught, false = Counter[str](), Counter[str](), Counter[str]()
    for line in (standard_data / "safety" / "privacy.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        finds = find(record["full_text"], ALL_FORMS)
        spans = [
            (span["start_position"], span["end_position"], PRESIDIO[span["entity_type"]])
            for span in record["spans"]
            if span["entity_type"] in PRESIDIO
        ]
        for start, end, kind in spans:
            there[kind] += 1
            caught[kind] += any(f.kind == kind and f.start <= start and f.end >= end for f in finds)
        false.update(f.kind for f in finds if not any(f.start < end and start < f.end for start, end, _ in spans))
    recall = {kind: caught[kind] / there[kind] for kind in there}
    assert recall["email"] == recall["ssn"] == recall["iban"] == recall["ip"] == 1.0
    assert recall["card"] > 0.98
    assert recall["phone"] > 0.95
    assert sum(false.values()) <= 1


def test_tables_of_filings_are_left_alone(standard_data: Path) -> None:
    """Annual reports: 13.5 million characters, of which the phone numbers are all that is a person's or a firm's."""
    import gzip

    with gzip.open(standard_data / "finance" / "10k.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = Counter(each.kind for line in lines for each in find(json.loads(line)["text"], ALL_FORMS))
    assert set(found) == {"phone"}
    assert found["phone"] == 15
