from __future__ import annotations

from typing import Any

import pytest

from corpora.sources import columns
from corpora.sources.columns import Columns

RECORD: dict[str, Any] = {
    "items": [{"text": "first"}, {"text": "second"}],
    "sections": [{"text": "a", "n": 1}, {"title": "none"}, {"text": None}, {"text": "b", "n": 2}],
    "columns": {"text": ["x", "y"], "empty": []},
    "pages": [[{"t": "p"}, {"t": "q"}], [{"t": "r"}]],
    "a.b[0]": "a name with a dot",
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("items.0.text", "first"), ("items[1].text", "second"), ("sections[*].text", "a\n\nb"),
        ("columns.text[*]", "x\n\ny"), ("pages[*][*].t", "p\n\nq\n\nr"), ("a.b[0]", "a name with a dot"),
    ],
)  # fmt: skip
def test_paths_into_lists(path: str, text: str) -> None:
    assert Columns(text=path).document(RECORD, source="s", name="n").text == text


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("items.2.text", "is not there"), ("items.text", "is not there"), ("items.-1.text", "is not there"),
        ("sections[*].n", "holds list, not text"), ("items", "holds list, not text"), ("nowhere[*].x", "is not there"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Columns(text=path).document(RECORD, source="s", name="n")


def test_a_list_without_a_text_is_an_empty_document() -> None:
    assert Columns(text="columns.empty[*]").document(RECORD, source="s", name="n").text == ""


def test_a_text_above_the_bound_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "LONGEST_TEXT", 10)
    assert Columns().document({"text": "x" * 10}, source="s", name="n").text == "x" * 10
    with pytest.raises(ValueError, match="column text holds 11 characters, more than 10"):
        Columns().document({"text": "x" * 11}, source="s", name="n")


def test_names_that_are_as_long_as_texts_are_none() -> None:
    long = "x" * 1_001
    with pytest.raises(ValueError, match="column id holds 1,001 characters, more than 1,000"):
        Columns().document({"text": "a", "id": long}, source="s", name="n")
    with pytest.raises(ValueError, match="its licence has 1,001 characters, more than 1,000"):
        Columns().document({"text": "a", "licence": long}, source="s", name="n")
    record = {"text": "a", "id": 7, "url": "data:," + "x" * 8_000, "language": long}
    document = Columns().document(record, source="s", name="n")
    assert (document.id, document.url, document.language) == ("7", None, None)
    assert Columns().document({"text": "a", "url": ["x"], "language": ["en"]}, source="s", name="n").language is None


def test_the_date_column_and_its_form() -> None:
    record = {"text": "a", "date": "2024-01-05", "meta": {"when": "01/02/2021"}}
    stated = Columns.model_validate({"dates": {"column": "meta.when", "format": "%d/%m/%Y"}})
    assert stated.document(record, source="s", name="n").date == "2021-02-01"
    guess = Columns(date="meta.when").document(record, source="s", name="n")
    assert (guess.date, guess.unread_date) == (None, "01/02/2021")
    with pytest.raises(ValueError, match=r"date and dates\.column name two columns"):
        Columns.model_validate({"date": "a", "dates": {"column": "b"}})
