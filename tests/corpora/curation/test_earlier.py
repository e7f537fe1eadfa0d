"""From one corpus to the next: what is new, edited, gone, or drawn again, with numbers counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.corpora.fates import ledger, where

NONE = {"validation": 0, "test": 0}
Record = dict[str, Any]


@pytest.fixture
def week(raw: Any, cleaned: Any, tmp_path: Path) -> Callable[..., Any]:
    """``week(domain, general, **settings)``: the corpus of a week, after that of the week before."""
    earlier: list[str] = []

    def make(domain: list[Record], general: list[Record], **settings: Any) -> Any:
        given = {"holdout": NONE, "filters": [], "earlier": earlier[-1] if earlier else None, **settings}
        corpus = cleaned(raw(domain, general), **given)
        earlier.append(str(corpus.path))
        return corpus

    return make


def texts(prose: Callable[..., str], name: str, count: int, words: int = 60) -> list[Record]:
    return [{"id": f"{name}{i}", "text": prose((name, i), words)} for i in range(count)]


def test_a_part_without_new_text_is_drawn_from_the_earlier_corpus(week: Any, prose: Callable[..., str]) -> None:
    general = texts(prose, "g", 30)
    general += [{"id": f"z{i}", "text": general[i]["text"].upper()} for i in range(5)]
    first = week(texts(prose, "d", 20), general)
    assert "earlier" not in first.facts
    second = week(texts(prose, "d", 20) + texts(prose, "n", 10), general)
    # 20 of the domain are remembered; of the general part 30 are drawn and their 5 copies are duplicates as before.
    assert second.facts["earlier"] == {"remembered": 20, "edited": 0, "gone": 0, "drawn": {"general": 30}}
    assert second.facts["dropped"] == {"remembered": 20, "exact duplicate": 5}
    assert {d["id"] for d in second.documents("train", "domain")} == {f"n{i}" for i in range(10)}
    again = {d["id"] for d in second.documents("train", "general")}
    assert again == {d["id"] for d in first.documents("train", "general")}
    assert len(again) == 30
    assert second.facts["documents_in"] == 65 == second.facts["documents_out"] + 25
    third = week(texts(prose, "d", 20) + texts(prose, "n", 10), general + texts(prose, "h", 3))
    # Now general has new text and the domain has none.
    assert third.facts["earlier"]["drawn"] == {"domain": 30}
    assert {d["id"] for d in third.documents("train", "general")} == {"h0", "h1", "h2"}


def test_nothing_new_at_all_is_an_answer(week: Any, prose: Callable[..., str]) -> None:
    domain, general = texts(prose, "d", 20), texts(prose, "g", 10)
    shares = {"validation": 0.2, "test": 0.2}
    first = week(domain, general, holdout=shares)
    second = week(domain, general, holdout=shares)
    assert second.facts["earlier"] == {"remembered": 0, "edited": 0, "gone": 0, "drawn": {"domain": 20, "general": 10}}
    assert where(second) == where(first)


def test_a_new_version_replaces_the_old_one_and_is_called_so(week: Any, prose: Callable[..., str]) -> None:
    domain, general = texts(prose, "d", 30, 200), texts(prose, "g", 10)
    week(domain, general)
    edited = [{**r, "text": f"{r['text']} and a correction"} for r in domain[:10]]
    rewritten = [{**r, "text": prose(("anew", r["id"]))} for r in domain[10:12]]
    copy = {"id": "copy", "text": f"{domain[20]['text']} said another"}
    moved = {"id": "moved", "text": domain[21]["text"]}
    second = week([moved, *domain[15:], copy, *edited, *rewritten], general)
    rows = ledger(second)
    for record in edited:
        assert [(row["action"], row["reason"]) for row in rows[record["id"]]] == [
            ("changed", "new version"),
            ("kept", ""),
        ]
    assert {d["id"] for d in second.documents("train", "domain")} == {r["id"] for r in [*edited, *rewritten]}
    assert rows["copy"][-1]["reason"] == "near duplicate"
    assert rows["moved"][-1]["reason"] == "exact duplicate"
    # d12, d13 and d14 are nowhere; of the others 15 stand in the domain and 10 are drawn in general.
    assert second.facts["earlier"] == {"remembered": 15, "edited": 10, "gone": 3, "drawn": {"general": 10}}
    third = week([*domain[15:], *edited, *rewritten, *texts(prose, "n", 1)], general)
    assert third.facts["earlier"] == {"remembered": 27, "edited": 0, "gone": 3, "drawn": {"general": 10}}
    fourth = week([{**edited[0], "text": edited[0]["text"] + " once more"}], general)
    assert (fourth.facts["earlier"]["edited"], fourth.facts["documents_out"]) == (1, 11)


def test_what_filters_alone_changed_is_no_new_version(week: Any, prose: Callable[..., str]) -> None:
    domain = [{"id": f"d{i}", "text": f"{prose(i, 200)} write to person{i}@example.org"} for i in range(20)]
    general = texts(prose, "g", 10)
    week(domain, general)
    second = week(domain + texts(prose, "n", 5), general, filters=["privacy"])
    assert second.facts["earlier"] == {"remembered": 20, "edited": 0, "gone": 0, "drawn": {"general": 10}}
    assert {d["id"] for d in second.documents("train", "domain")} == {f"n{i}" for i in range(5)}
    third = week(domain + texts(prose, "n", 5), general, filters=["privacy"])  # drawn again, and masked
    assert all("@example.org" not in d["text"] for d in third.documents("train", "domain"))
    assert third.facts["documents_out"] == 35


def test_an_edited_document_that_is_held_out_stays_there(week: Any, prose: Callable[..., str]) -> None:
    domain, general, shares = texts(prose, "d", 60, 200), texts(prose, "g", 20), {"validation": 0.2, "test": 0.2}
    before = where(week(domain, general, holdout=shares))
    edited = [{**r, "text": f"{r['text']} and a correction"} for r in domain]
    after = where(week(edited, general, holdout=shares))
    assert {name: after[name] for name in before if name[0] == "d"} == {n: s for n, s in before.items() if n[0] == "d"}


def test_a_copy_within_the_week_of_a_new_version_goes(week: Any, prose: Callable[..., str]) -> None:
    domain, general = texts(prose, "d", 3, 200), texts(prose, "g", 10)
    week(domain, general)
    text = f"{domain[0]['text']} and a correction"
    second = week([{"id": "d0", "text": text}, {"id": "z", "text": f"{text} too"}], general)
    assert {d["id"] for d in second.documents("train", "domain")} == {"d0"}


def test_later_text_is_free_in_the_next_week(week: Any, prose: Callable[..., str]) -> None:
    """Days 1 to 10 with ten documents each; the last day is later, and so is the last of the second week's."""
    days = [{"id": f"d{i}", "text": prose(i), "date": f"2024-01-{i // 10 + 1:02d}"} for i in range(200)]
    general, shares = texts(prose, "g", 10), {"validation": 0.1, "test": 0.1, "later": 0.1}
    first = where(week(days[:100], general, holdout=shares))
    assert {name for name, split in first.items() if split == "later"} == {f"d{i}" for i in range(90, 100)}
    second = where(week(days, general, holdout=shares))
    # New to this build are days 10 (held back) to 20, 110 documents; a tenth of them in whole days is the last one.
    assert {name for name, split in second.items() if split == "later"} == {f"d{i}" for i in range(190, 200)}
    assert {f"d{i}" for i in range(90, 190)} <= second.keys()
    assert not {f"d{i}" for i in range(90)} & second.keys()
    once = {
        n: s for n, s in where(week(days, general, holdout=shares, earlier=None)).items() if s in ("validation", "test")
    }
    assert {name: split for name, split in (first | second).items() if split in ("validation", "test")} == once
