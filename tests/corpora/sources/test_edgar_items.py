from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection, collect
from corpora.document import Document, Empty
from tests.corpora.edgar_server import Edgar
from tests.corpora.sources.filings import CONTACT, read, spec


def test_filings_are_found_by_form_and_days_and_read_by_item(edgar: Edgar, tmp_path: Path) -> None:
    machine = edgar.machine(work=tmp_path, workers=1)
    first, second = read(spec(), machine)
    assert (first.id, first.date, first.licence, first.language) == (
        "0000320193-25-000001", "2025-02-03", "public-domain", "en",
    )  # fmt: skip
    assert first.url == (
        "https://www.sec.gov/Archives/edgar/data/320193/000032019325000001/0000320193-25-000001-index.htm"
    )
    assert first.text == (
        "ACME CORP\n\nPART I\n\nItem 1. Business\n\nWe make anvils.\n\nItem 1A. Risk Factors\n\n"
        "Nobody may buy anvils.\n\nPART II\n\nItem 7. Management's Discussion\n\nSales of anvils | $(1,234)"
    )
    assert "rockets" in second.text
    items = read(spec(by="item", items=["1A", 7]), machine)
    assert [(each.id[-9:], each.text.splitlines()[-1]) for each in items] == [
        ("000001#1A", "Nobody may buy anvils."), ("-000001#7", "Sales of anvils | $(1,234)"),
        ("000002#1A", "Nobody may buy rockets."), ("-000002#7", "Sales of rockets | $(1,234)"),
    ]  # fmt: skip
    (some,) = read(spec(items=["1A"], companies=["msft"]), machine)
    assert some.text == "Item 1A. Risk Factors\n\nNobody may buy rockets."


@pytest.mark.parametrize("settings", [{"by": "item"}, {"items": ["1A"]}, {"by": "item", "items": ["1A"]}])
@pytest.mark.parametrize(
    "body", ["<p>Our year was good.</p>", "<p>Item 601 of Regulation S-K</p>", "<p>The Business</p>"]
)
def test_a_filing_without_items_is_told(
    edgar: Edgar, tmp_path: Path, settings: dict[str, Any], body: str, caplog: pytest.LogCaptureFixture
) -> None:
    accession = edgar.add("10-K", date(2025, 5, 5), body, cik=789019)
    found = list(spec(**settings).documents(edgar.machine(work=tmp_path, workers=1)))
    (told,) = [each for each in found if isinstance(each, Empty)]
    assert told.id == accession
    assert told.reason.startswith("no item was found in it")
    others = [each for each in found if isinstance(each, Document)]
    assert len(others) == (2 if "items" in settings else 6)
    assert all(each.text and accession not in each.id for each in others)
    whole = read(spec(), edgar.machine(work=tmp_path, workers=1))
    assert len(whole) == 3  # as a filing it is a document like any other

    general = tmp_path / "general.txt"
    general.write_text("Some general text.")
    recipe = Collection.model_validate(
        {
            "domain": [spec(**settings).model_dump() | {"contact": CONTACT}],
            "general": [{"kind": "files", "path": str(general), "licence": "mit"}],
            "licences": {"allow": ["public-domain", "mit"]},
        }
    )
    raw = tmp_path / "raw"
    facts = collect(recipe, out=raw, machine=edgar.machine(work=tmp_path, workers=1)).manifest["facts"]
    assert (facts["empty"], facts["quarantined"]) == (1, 0)
    rows = [json.loads(line) for line in (raw / "quarantine.jsonl").read_text().splitlines()]
    assert [(row["record"], row["action"], row["reason"]) for row in rows] == [(accession, "dropped", told.reason)]
    assert f"1 records gave no document; the first, {accession}: no item" in caplog.text


def test_items_that_a_filing_has_not_and_items_that_share_a_heading(edgar: Edgar, tmp_path: Path) -> None:
    machine = edgar.machine(work=tmp_path, workers=1)
    found = list(spec(items=["9C"]).documents(machine))
    assert [each.reason for each in found if isinstance(each, Empty)] == [
        "has none of the items that are wanted, but 1, 1A, 7"
    ] * 2
    assert len(found) == 2
    both = edgar.add("10-K", date(2025, 5, 6), "<p>Items 1 and 2. Business and Properties</p><p>Mines.</p>", cik=789019)
    for items in (["1"], ["2"], ["1", "2"]):
        documents = [
            each
            for each in spec(items=items, by="item").documents(edgar.machine(work=tmp_path))
            if each.id.startswith(both)
        ]
        assert [each.text for each in documents if isinstance(each, Document)] == [
            "Items 1 and 2. Business and Properties\n\nMines."
        ]
