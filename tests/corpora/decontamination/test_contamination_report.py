"""What is reported of matches: by task and by item, and the line that stops a run where too much is hit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpora.decontamination.contamination import decide
from domain.errors import UserError
from domain.text.words import Split
from tests.corpora.decontamination.guards import HERE, decided, guarded, numbered, pages


def test_the_report_is_by_task(tmp_path: Path) -> None:
    rows = [("b", 0, numbered(0, 15)), ("a", 0, numbered(0, 20)), ("a", 1, numbered(30, 8)), ("a", 2, "too short")]
    texts = numbered(0, 14), numbered(5, 14), "innocent", numbered(30, 8)
    answer = decided(guarded(tmp_path, *rows), *texts)
    assert answer.dropped == {0: "a, b", 1: "a", 3: "a"}
    assert list(answer.facts["tasks"].items()) == [
        ("a", {"items": 3, "too_short": 1, "found": 2, "documents": 3}),
        ("b", {"items": 1, "too_short": 0, "found": 1, "documents": 1}),
    ]


def test_tasks_of_a_document_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    protection = guarded(tmp_path, *(numbered(20 * task, 13) for task in range(8)))
    text = " x ".join(numbered(20 * task, 13) for task in reversed(range(8)))
    assert decided(protection, text).dropped == {0: ", ".join(f"task{task}" for task in range(8))}


def test_a_source_that_is_hit_too_often_stops_the_run(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), max_share=0.01)
    texts = [f"{numbered(0, 13)} x{i}" for i in range(3)]
    assert len(decided(protection, *texts, others=297).dropped) == 3
    with pytest.raises(
        UserError, match=r"3 of 299 documents of calls \(1.0%\).*task0.*raise corpus.decontaminate.max_share"
    ):
        decided(protection, *texts, others=296)
    # One document of a small source is no share.
    assert len(decided(protection, texts[0], others=5).dropped) == 1
    with pytest.raises(UserError, match="2 of 7 documents"):
        decided(protection, *texts[:2], others=5)
    assert len(decided(guarded(tmp_path, numbered(0, 13), max_share=1.0), *texts, others=0).dropped) == 3


def test_the_task_is_one_of_the_source_that_is_hit_worst(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), numbered(50, 13), max_share=0.01)
    texts = [*[f"{numbered(0, 13)} x{i}" for i in range(4)], *[f"{numbered(50, 13)} y{i}" for i in range(3)]]
    places = np.array([1] * 4 + [0] * 3 + [1] * 996)
    with pytest.raises(UserError, match=r"3 of 3 documents of calls \(100.0%\).*, 3 of them task1"):
        decide(protection, protection.matches(Split(texts), range(7)), places, [HERE, ("general", "books")])


def test_the_line_names_the_task_that_is_held_most(tmp_path: Path) -> None:
    protection = guarded(tmp_path, numbered(0, 13), numbered(50, 13), max_share=0.01)
    texts = [f"{numbered(0, 13)} x{i}" for i in range(3)] + [numbered(50, 13)]
    with pytest.raises(UserError, match=r"4 of 10 documents of calls \(40.0%\).*, 3 of them task0.*or task0 out"):
        decided(protection, *texts, others=6)
    with pytest.raises(UserError, match="1 of them task1"):  # of two that are held as often, the last by name
        decided(protection, *texts[2:], others=6)


def test_what_was_let_be_is_listed_by_documents_twenty_items_at_most(tmp_path: Path) -> None:
    guard = guarded(tmp_path, *(("quiz", i, numbered(1000 * i, 100)) for i in range(21)))
    texts = [page for i in range(21) for page in pages(numbered(1000 * i + 5, 19), (3, 1, 2)[i % 3], f"p{i}x")]
    facts = decided(guard, *texts).facts["let_be"]
    expected = [
        *((i, 3) for i in range(0, 21, 3)),
        *((i, 2) for i in range(2, 21, 3)),
        *((i, 1) for i in range(1, 17, 3)),
    ]
    assert [(row["item"], row["documents"]) for row in facts["largest"]] == [(f"quiz {i}", n) for i, n in expected]
    assert facts["largest"][3]["passage"] == numbered(9005, 13)
    assert (facts["items"], facts["documents"], facts["runs"]) == (21, 7 * (3 + 1 + 2), 21 * 7)


def test_what_stops_a_run_is_named_with_its_items_and_a_way_out(tmp_path: Path) -> None:
    guard = guarded(tmp_path, *(("quiz", 10 + i, numbered(100 * i, 20)) for i in range(7)), max_share=0.01)
    counts = (2, 3, 3, 1, 3, 2, 3)  # of two items in as many documents the first is named
    texts = [page for i in reversed(range(7)) for page in pages(numbered(100 * i, 20), counts[i], f"p{i}x")]
    problem = (
        r"17 of 1,000 documents of calls \(1.7%\) hold what the evals ask, 17 of them quiz; the most frequent items "
        r"are quiz 11 in 3, quiz 12 in 3, quiz 14 in 3\. Fix: leave calls or quiz out, take these items out of it, .*"
        r"raise corpus.decontaminate.max_share above 0.0170"
    )
    with pytest.raises(UserError, match=problem):
        decided(guard, *texts, others=983)
    assert len(decided(guard, *texts, others=1_683).dropped) == 17


def test_of_what_is_hit_as_badly_the_last_by_name_is_named(tmp_path: Path) -> None:
    guard = guarded(tmp_path, *((task, 0, numbered(100 * i, 13)) for i, task in enumerate("adbc")), max_share=0.01)
    texts = [f"{numbered(100 * i, 13)} x" for i in range(4)] * 2
    finds = guard.matches(Split(texts), range(8))
    sources = [("domain", "calls"), ("general", "books"), ("domain", "notes")]
    with pytest.raises(UserError, match=r"4 of 4 documents of books \(100.0%\).*, 1 of them d;"):
        decide(guard, finds, np.array([0, 0, 1, 1, 1, 1, 0, 0]), sources)
