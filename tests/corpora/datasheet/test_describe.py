"""The data sheet of a corpus whose every number is counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpora.datasheet import Description, describe
from corpora.datasheet.duplicates import duplicates
from corpora.datasheet.groups import MOST_GROUPS, OTHERS, Groups, Lengths, bins
from corpora.filters.privacy import KINDS
from corpora.ledger.ledger import entry, write_ledger
from corpora.ledger.query import open_ledger
from domain.units import percent, size


@pytest.fixture(scope="module")
def sealed(hand_made: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = hand_made(tmp_path_factory.mktemp("work"))
    out = tmp_path_factory.mktemp("sheet")
    return describe(Description(), raw=made["collect"], corpus=made["curate"], tokens=made["encode"], out=out)


@pytest.fixture(scope="module")
def sheet(sealed: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((sealed.path / "datasheet.json").read_text(encoding="utf-8"))
    return content


# Bytes as they came: a 100, b 52, c 99, d 90, e 50, markup 39; g1 200, g2 100, g3 40, g4 10.
DOMAIN = {"documents": 6, "bytes": 430, "documents_kept": 3, "bytes_kept": 240, "tokens": 12}
GENERAL = {"documents": 4, "bytes": 350, "documents_kept": 1, "bytes_kept": 200, "tokens": 6}


def test_the_total_and_the_sources(sealed: Any, sheet: dict[str, Any]) -> None:
    both = {name: DOMAIN[name] + GENERAL[name] for name in DOMAIN}
    assert sheet["total"] == {**both, "retention": round(440 / 780, 6)}
    kept = {"languages": {"unknown": 240, "en": 200}, "licences": {"mit": 240, "odc-by-1.0": 200}}
    assert sealed.facts == {**sheet["total"], **kept}
    assert sheet["sources"] == [
        {"part": "domain", "source": "calls", **DOMAIN, "retention": round(240 / 430, 6)},
        {"part": "general", "source": "web <b>", **GENERAL, "retention": round(200 / 350, 6)},
    ]


def test_who_states_licences_and_which_dates_cannot_be_read(sheet: dict[str, Any]) -> None:
    assert [(row["source"], row["licences_stated_by"], row["undated"]) for row in sheet["collected"]] == [
        ("calls", {"record": 5, "recipe": 1, "overridden": 1}, 1), ("web <b>", {"data set": 4}, 0),
    ]  # fmt: skip


def test_years_and_languages(sheet: dict[str, Any]) -> None:
    years = {row["year"]: (row["documents"], row["bytes"], row["bytes_kept"], row["tokens"]) for row in sheet["years"]}
    assert years == {"2023": (1, 100, 100, 4), "2024": (2, 140, 50, 3), "undated": (7, 540, 290, 11)}
    languages = [(row["language"], row["bytes"], row["tokens"]) for row in sheet["languages"]]
    assert languages == [("unknown", 430, 12), ("en", 350, 6)]
    licences = [(row["licence"], row["documents_kept"], row["tokens"]) for row in sheet["licences"]]
    assert licences == [("mit", 3, 12), ("odc-by-1.0", 1, 6)]


def test_every_step_leaves_what_it_leaves(sheet: dict[str, Any]) -> None:
    assert [(row["stage"], row["documents"], row["bytes"]) for row in sheet["steps"]] == [
        ("found", 12, 780), ("collect", 10, 780), ("quality", 9, 728), ("harm", 7, 678), ("house:tags", 6, 639),
        ("exact", 5, 539), ("near", 4, 449), ("written", 4, 440),
    ]  # fmt: skip


def test_reasons_with_samples_that_are_masked(sheet: dict[str, Any]) -> None:
    reasons = {(row["stage"], row["action"], row["reason"]): row for row in sheet["reasons"]}
    assert {key: (row["documents"], row["bytes"]) for key, row in reasons.items()} == {
        ("collect", "quarantined", "is not valid JSON"): (1, 0),
        ("collect", "dropped", "no text"): (1, 0),
        ("quality", "dropped", "quality: too few words"): (1, 52),
        ("privacy", "changed", "privacy: masked"): (1, 99),
        ("harm", "dropped", "harm: slurs"): (1, 40),
        ("harm", "quarantined", "error"): (1, 10),
        ("house:tags", "dropped", "<img src=x onerror=alert(1)>"): (1, 39),
        ("exact", "dropped", "exact duplicate"): (1, 100),
        ("near", "dropped", "near duplicate"): (1, 90),
    }
    (sample,) = reasons["quality", "dropped", "quality: too few words"]["samples"]
    assert sample["text"] == "ask <EMAIL> for the minutes of the call"
    (sample,) = reasons["near", "dropped", "near duplicate"]["samples"]
    assert (sample["id"], sample["duplicate_of"]) == ("d", "a")
    assert reasons["privacy", "changed", "privacy: masked"]["samples"] == []


def test_duplicates_privacy_harm_and_the_rest(sheet: dict[str, Any]) -> None:
    assert sheet["duplicates"] == {
        "dropped": {"exact": 1, "near": 1},
        "groups": 1,
        "largest": [{"id": "a", "source": "calls", "duplicates": 2}],
        "between": [
            {"source": "calls", "in_favour_of": "calls", "documents": 1},
            {"source": "web <b>", "in_favour_of": "calls", "documents": 1},
        ],
        "clusters": 0,
        "largest_clusters": [],
    }
    assert sheet["privacy"] == [{"part": "domain", "source": "calls", "found": {"email": 1}}]
    harm = {row["source"]: (row["judged"], row["dropped"], row["rate"], row["reasons"]) for row in sheet["harm"]}
    assert harm == {"calls": (5, 0, 0.0, {}), "web <b>": (4, 1, 0.25, {"harm: slurs": 1})}
    # None of n: z * z / (n + z * z), by Wilson, with z = 1.645.
    assert sheet["harm"][0]["most"] == pytest.approx(2.706 / 7.706, abs=1e-4)
    assert sheet["contamination"] == [{"task": "quiz <i>", "items": 5, "too_short": 1, "found": 0, "documents": 0}]
    assert [(row["source"], row["came"], row["stays"]) for row in sheet["test_overlap"]] == [("calls", 1_203, 811)]
    assert [(row["item"], row["documents"]) for row in sheet["let_be"]] == [("quiz <i> 7", 94)]
    assert [(row["stage"], row["reason"], row["records"]) for row in sheet["quarantined"]] == [
        ("collect", "is not valid JSON", 1), ("harm", "error", 1),
    ]  # fmt: skip


def test_lengths_fall_into_bins_that_double(sheet: dict[str, Any]) -> None:
    came = {row["from"]: (row["came"], row["kept"]) for row in sheet["bytes_by_length"]}
    # 10 | 16 to 31: none | 52 50 39 40 | 100 99 90 100 | 200; kept: 50 | 100 90 | 200
    assert came == {8: (1, 0), 16: (0, 0), 32: (4, 1), 64: (4, 2), 128: (1, 1)}
    assert [(row["from"], row["to"], row["kept"]) for row in sheet["tokens_by_length"]] == [(2, 3, 1), (4, 7, 3)]


def test_the_same_input_gives_the_same_bytes(hand_made: Any, tmp_path: Path, sealed: Any) -> None:
    made = hand_made(tmp_path / "another" / "place")
    again = describe(
        Description(), raw=made["collect"], corpus=made["curate"], tokens=made["encode"], out=tmp_path / "out"
    )
    assert again.digest == sealed.digest
    assert str(tmp_path) not in (again.path / "datasheet.json").read_text()


def test_groups_are_bounded() -> None:
    groups = Groups()
    for number in range(MOST_GROUPS + 50):
        groups.add(("domain", f"source {number}"), documents=1)
    rows = groups.rows("part", "source")
    assert len(rows) == MOST_GROUPS + 1
    assert {row["source"]: row["documents"] for row in rows}[OTHERS] == 50
    assert groups.total()["documents"] == MOST_GROUPS + 50


def test_bins_and_numbers_as_people_read_them() -> None:
    lengths = Lengths()
    for length in (0, 1, 2, 3, 4, 10**15):
        lengths.add(length)
    rows = bins(kept=lengths)
    assert [(row["from"], row["to"], row["kept"]) for row in rows[:4]] == [(0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 1)]
    assert sum(row["kept"] for row in rows) == 6
    assert bins(kept=Lengths()) == []
    assert [size(n) for n in (0, 999, 1_500, 2_340_000, 5.6e9)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "2.34 MB",
        "5.6 GB",
    ]
    assert [percent(s) for s in (0, 0.5, 0.0123, 0.00123, 1)] == ["0.0%", "50.0%", "1.2%", "0.12%", "100.0%"]


def test_who_repeats_whom_over_many(tmp_path: Path) -> None:
    def of(name: str, source: str, **more: Any) -> dict[str, Any]:
        return entry({"id": name, "part": "domain", "source": source}, **more)

    rows = []
    for number in range(100):
        kept = {"stage": "holdout", "action": "kept", "split": "train", "cluster": f"k{number // 2}"}
        rows.append(of(f"k{number}", "one" if number % 2 else "two", **kept))
        for copy in range(number):
            rows.append(of(f"{number}-{copy}", "three", stage="near", action="dropped", duplicate_of=f"k{number}"))
    write_ledger(tmp_path / "l", rows)
    with open_ledger(tmp_path / "l", tmp_path) as ledger:
        found = duplicates(ledger)
    assert found["groups"] == 99  # k0 has none
    assert [row["duplicates"] for row in found["largest"]] == list(range(99, 89, -1))
    assert found["largest"][0] == {"id": "k99", "source": "one", "duplicates": 99}
    assert found["clusters"] == 50
    odd, even = sum(range(1, 100, 2)), sum(range(0, 100, 2))
    assert {row["in_favour_of"]: row["documents"] for row in found["between"]} == {"one": odd, "two": even}


def test_a_number_may_have_the_name_of_any_kind_of_find() -> None:
    groups, kinds = Groups(), dict.fromkeys(KINDS, 1)
    assert "key" in kinds
    groups.add(("domain", "web"), **kinds)
    assert groups.total() == kinds
