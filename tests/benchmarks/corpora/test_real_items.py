"""The command that counts texts dropped for the items of real benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.corpora.real_items import measured

QUESTION = "Which of the twelve reserve banks published the survey of manufacturing firms in the spring of that year?"


def test_texts_that_hold_an_item_are_counted(tmp_path: Path) -> None:
    rows = [
        {"query": QUESTION, "choices": ["Boston", "Dallas"], "gold": 1},
        {
            "context": "The margin of the savings banks rose again in the third quarter of the year, said the",
            "answer": "x",
        },
        {"context_options": ["The bank lent because it", "The firm lent because it"], "continuation": "was rich"},
    ]
    (tmp_path / "a").mkdir()
    for name, some in (("a/one", rows[:1]), ("two", rows[1:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    texts = [f"We were asked: {QUESTION} Nobody knew.", "Nothing of the kind.", "The firm lent because it was rich."]
    answer = measured(texts, tmp_path)
    assert answer == {"texts": 3, "benchmarks": 2, "items": 4, "dropped": 1, "share": 0.33333}
