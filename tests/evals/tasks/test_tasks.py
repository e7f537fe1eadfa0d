from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.errors import UserError
from evals.tasks import load_task, shipped

FIELDS = {"name": "sums", "description": "d", "licence": "mit", "source": "s"}
ITEM = {"question": "What is 1 + 1?", "choices": ["2", "3"], "answer": 0}
RECORD = {"q": "What is 1 + 1?", "options": ["2", "3"], "right": 0}
COLUMNS = {"question": "q", "choices": "options", "answer": "right"}


def written(folder: Path, **fields: Any) -> str:
    path = folder / "sums.yaml"
    path.write_text(yaml.safe_dump({**FIELDS, **fields}))
    return str(path)


def filed(folder: Path, lines: bytes, name: str = "items.jsonl", **fields: Any) -> str:
    (folder / name).write_bytes(lines)
    return written(folder, path=name, **{"columns": COLUMNS, **fields})


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_tasks_are_fit_to_be_asked(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.licence
    assert task.items
    assert len({item.question for item in task.items}) == len(task.items)
    if task.kind == "multiple_choice":
        answers = Counter(item.answer for item in task.items)
        # A model that always takes one place must not do better than chance by much.
        assert max(answers.values()) <= 1.5 * len(task.items) / len(task.items[0].choices)
        assert all(len(set(item.choices)) == len(item.choices) for item in task.items)


def test_items_in_the_file_and_beside_it_are_the_same(tmp_path: Path) -> None:
    inside = load_task(written(tmp_path, items=[ITEM, ITEM]))
    lines = (json.dumps(RECORD) + "\n\n" + json.dumps({**RECORD, "other": 1}) + "\n").encode()
    assert load_task(filed(tmp_path, lines)) == inside
    assert load_task(filed(tmp_path, gzip.compress(lines), "items.jsonl.gz")) == inside
    assert load_task(filed(tmp_path, json.dumps(ITEM).encode(), columns={})).items == inside.items[:1]


def test_text_is_protected_and_needs_no_choices(tmp_path: Path) -> None:
    assert load_task(written(tmp_path, kind="text", items=[{"question": "A text."}])).items[0].answer is None


@pytest.mark.parametrize(
    ("fields", "place", "found"),
    [
        ({}, "task", "one of the two"),
        ({"items": [ITEM], "path": "items.jsonl"}, "task", "one of the two"),
        ({"items": [{**ITEM, "answer": 2}]}, "items.0", "answer 2 of 2 choices; count from 0"),
        ({"items": [{"question": ""}]}, "items.0.question", "write 1 character or more"),
        ({"items": [ITEM, {"question": "Why?"}]}, "task", "item 1 (from 0) has no choices with an answer"),
        ({"items": [ITEM], "licence": None}, "licence", "write text"),
        ({"items": [ITEM], "licenze": "mit"}, "licenze", "take it out"),
        ({"path": "p", "columns": {"anwser": "right"}}, "columns.anwser", "'question', 'choices' or 'answer'"),
        ({"path": "nowhere.jsonl"}, "nowhere.jsonl", "No such file"),
    ],
)
def test_bad_tasks(tmp_path: Path, fields: dict[str, Any], place: str, found: str) -> None:
    with pytest.raises(UserError) as caught:
        load_task(written(tmp_path, **fields))
    assert str(tmp_path) in caught.value.place
    assert place in caught.value.place
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "place", "found"),
    [
        (b'{"q": "Why?"', ":1", "is not valid JSON"),
        (b"[1, 2]", ":1", "holds list, not an object"),
        (json.dumps(RECORD).encode() + b'\n{"q": "Why?", "options": ["a", "b"]}', ":2", "no column right for answer"),
        (json.dumps({**RECORD, "right": 5}).encode(), ":1", "answer 5 of 2 choices"),
        (json.dumps({**RECORD, "right": "b"}).encode(), ":1, right", "write a whole number"),
        (json.dumps({**RECORD, "options": "ab"}).encode(), ":1, options", "write a list"),
        (json.dumps({**RECORD, "options": ["a"]}).encode(), ":1", "no choices with an answer"),
        (json.dumps(RECORD).encode() + b"\n\xff\xfe", "items.jsonl", "is not UTF-8"),
        (b"", "items.jsonl", "is empty"),
    ],
)
def test_bad_lines(tmp_path: Path, lines: bytes, place: str, found: str) -> None:
    with pytest.raises(UserError) as caught:
        load_task(filed(tmp_path, lines))
    assert "items.jsonl" in caught.value.place
    assert caught.value.place.endswith(place) or place == "items.jsonl"
    assert found in str(caught.value)


@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(b"\n" * 1_000, mtime=0)[:-12]])
def test_a_broken_archive(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match="cannot be decompressed"):
        load_task(filed(tmp_path, content, "items.jsonl.gz"))


def test_broken_yaml_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: a\nname: b\n")
    with pytest.raises(UserError, match=r"broken\.yaml, line 2"):
        load_task(str(tmp_path / "broken.yaml"))
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(UserError, match=r"list\.yaml: task"):
        load_task(str(tmp_path / "list.yaml"))


def test_a_task_that_is_not_there(tmp_path: Path) -> None:
    for name in ("scientific_computin", str(tmp_path / "no.yaml")):
        with pytest.raises(UserError, match="there is no task") as caught:
            load_task(name)
        assert "scientific_computing" in caught.value.fix
