from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpora.decontamination.protected_texts import ProtectedTexts


def texts(folder: Path, *rows: dict[str, object]) -> ProtectedTexts:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ProtectedTexts(path)


def row(task: str, item: int, text: str) -> dict[str, object]:
    return {"task": task, "item": item, "text": text}


def test_the_texts_of_an_item_are_one(tmp_path: Path) -> None:
    made = texts(
        tmp_path, row("a", 0, "Who pays"), row("a", 0, "Who pays rent"), row("a", 1, "Who"), row("b", 0, "When")
    )
    assert made.item.tolist() == [0, 0, 1, 2]
    assert made.names == ["a 0", "a 0", "a 1", "b 0"]
    assert made.sizes.tolist() == [2, 3, 1, 1]
    assert made.passage(1, 1, 2) == "pays rent"


def test_rows_without_an_item_are_items_of_their_own(tmp_path: Path) -> None:
    made = texts(tmp_path, {"task": "a", "text": "Who"}, {"task": "a", "text": "When"}, {"task": "a", "text": "who!"})
    assert made.item.tolist() == [0, 1, 0]
    assert made.is_form.tolist() == [False] * 3


def test_one_question_in_two_tasks_is_one_item(tmp_path: Path) -> None:
    made = texts(tmp_path, row("a", 0, "Who"), row("a", 0, "Who me"), row("b", 5, "who?"), row("b", 5, "who? you"))
    assert made.item.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("items", [2, 3])
def test_a_question_with_other_choices_in_three_items_is_a_form(tmp_path: Path, items: int) -> None:
    rows = [row("a", i, text) for i in range(items) for text in ("Which is true", f"Which is true c{i}")]
    made = texts(tmp_path, *rows, row("a", 9, "Which is true"), row("a", 9, "Which is true c0"))  # the first again
    if items == 2:
        assert set(made.item.tolist()) == {0}
        assert not made.is_form.any()
    else:
        assert made.item.tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
        assert made.is_form.tolist() == [True, False] * 4


@pytest.mark.parametrize(("items", "form"), [(2, False), (3, True)])
def test_what_follows_the_passages_of_three_items_is_a_form(tmp_path: Path, items: int, form: bool) -> None:
    rows = [row("a", i, text) for i in range(items) for text in (f"passage {i}. Who pays?", "Who pays?")]
    assert texts(tmp_path, *rows).is_form.tolist() == [False, form] * items


def test_no_texts(tmp_path: Path) -> None:
    made = texts(tmp_path)
    assert (len(made.item), len(made.is_form), len(made.sizes)) == (0, 0, 0)
