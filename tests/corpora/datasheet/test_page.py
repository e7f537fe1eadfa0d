"""The data sheet's page, with hostile text in everything that it shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from corpora.datasheet import Description, describe
from corpora.datasheet.page import dated, page
from domain.page.page import PageHeader
from tests.html_reader import HOSTILE, Page

HEADER = PageHeader(name="minutes", as_of="2026-01-02")


@pytest.fixture(scope="module")
def sheet(hand_made: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = hand_made(tmp_path_factory.mktemp("work"))
    out = tmp_path_factory.mktemp("sheet")
    describe(Description(), raw=made["collect"], corpus=made["curate"], tokens=made["encode"], out=out)
    content: dict[str, Any] = json.loads((out / "datasheet.json").read_text(encoding="utf-8"))
    return content


def test_hostile_text_is_shown_as_text(sheet: dict[str, Any]) -> None:
    html = page(sheet, HEADER)
    shown = Page(html)
    shown.assert_safe()
    text = " ".join(shown.text)
    for each in (
        "<script>alert('id')</script>", "<script>alert('text')</script>", "<img src=x onerror=alert(1)>",
        "<b>said</b> by <EMAIL>", "web <b>",
    ):  # fmt: skip
        assert each in text
    assert not re.search(r"https?://", html)
    assert "example.org" not in html


def test_hostile_names_are_escaped_in_every_row_and_the_header(sheet: dict[str, Any]) -> None:
    def hostile(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: hostile(each) for key, each in value.items()}
        if isinstance(value, list):
            return [hostile(each) for each in value]
        return HOSTILE if isinstance(value, str) else value

    header = PageHeader(
        name=HOSTILE, as_of=HOSTILE, outcome=HOSTILE, reasons=[HOSTILE], rows=[(HOSTILE, HOSTILE)],
        links={"scorecard.html": HOSTILE},
    )  # fmt: skip
    html = page({**hostile(sheet), "years": sheet["years"]}, header)
    shown = Page(html)
    shown.assert_safe()
    assert "<script>" not in html
    assert any("<script>alert(1)</script>\"'&`|](x) שלום א" in text for text in shown.text)


def test_it_says_what_was_measured(sheet: dict[str, Any]) -> None:
    html = page(sheet, HEADER)
    assert "Measured here: 56.4% of the bytes are kept." in html
    assert page(sheet, HEADER) == html
    assert html.index("minutes") < html.index("as of 2026-01-02") < html.index("Not decided yet")


def test_columns_have_different_heads(sheet: dict[str, Any]) -> None:
    for head in re.findall(r"<thead>(.*?)</thead>", page(sheet, HEADER)):
        names = re.findall(r"<th[^>]*>(.*?)</th>", head)
        assert len(names) == len(set(names))


def test_years_without_text_keep_their_place() -> None:
    def row(year: str) -> dict[str, Any]:
        return {"year": year, "documents": 1, "bytes": 5, "bytes_kept": 5}

    drawn = dated([row("2001"), row("2004"), row("undated"), row("(others)")])
    assert [(each["year"], each["documents"]) for each in drawn] == [("2001", 1), ("2002", 0), ("2003", 0), ("2004", 1)]
    assert len(dated([row("0001"), row("9999")])) == 60
    assert dated([row("undated")]) == []


def test_undated_text_is_named_and_not_drawn(sheet: dict[str, Any]) -> None:
    html = page(sheet, HEADER)
    assert "Not drawn: text without a date, or older than 2023." in html
    assert "<title>undated" not in html


def test_nothing_at_all_is_a_page_too(sheet: dict[str, Any]) -> None:
    empty = {name: [] if isinstance(value, list) else value for name, value in sheet.items()}
    empty["total"] = {**dict.fromkeys(sheet["total"], 0), "retention": None}
    empty["duplicates"] = {**sheet["duplicates"], "dropped": {}, "between": [], "largest": []}
    assert "Measured here" not in page(empty, HEADER)
