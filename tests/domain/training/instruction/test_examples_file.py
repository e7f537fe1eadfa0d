"""A file of orders is read as it stands, and what is amiss in it is told by its line."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.settings.learning import Lora
from domain.training.tune import Tuning
from tests.domain.training.instruction.orders import orders, read, written

TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def test_triplets_and_conversations_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path / "o.jsonl",
        {"instruction": "Add.", "input": "1 2", "label": "3"},
        "",
        {"instruction": "Greet.", "label": " hello\n"},
        {"instruction": "Greet.", "input": None, "label": "hi"},
        {"messages": [{"role": "system", "content": "s", "name": None}, *TALK, {"role": "user", "content": "thanks"}]},
    )
    assert read(path) == [
        ("o.jsonl:1", [{"role": "user", "content": "Add.\n\n1 2"}, {"role": "assistant", "content": "3"}]),
        ("o.jsonl:3", [{"role": "user", "content": "Greet."}, {"role": "assistant", "content": " hello\n"}]),
        ("o.jsonl:4", [{"role": "user", "content": "Greet."}, {"role": "assistant", "content": "hi"}]),
        ("o.jsonl:5", [{"role": "system", "content": "s"}, *TALK]),  # what follows the last answer teaches nothing
    ]
    packed = tmp_path / "o.jsonl.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + path.read_bytes()))
    assert [messages for _, messages in read(packed)] == [messages for _, messages in read(path)]


def test_columns_are_named_by_the_recipe(tmp_path: Path) -> None:
    path = written(tmp_path / "o.jsonl", {"q": {"text": "Add.", "of": "1"}, "a.b": "2"}, {"talk": TALK})
    found = read(path, instruction="q.text", input="q.of", label="a.b", messages="talk")
    assert [messages[-1]["content"] for _, messages in found] == ["2", "b"]
    assert found[0][1][0]["content"] == "Add.\n\n1"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ({"instruction": "a"}, r"has no label \(column label\)"),
        ({"instruction": "a", "label": " \n"}, "label is empty"),
        ({"instruction": "", "label": "b"}, "instruction is empty"),
        ({"input": "a", "label": "b"}, "has no instruction"),
        ({"instruction": "a", "label": 3}, "label is int, not text"),
        ({"messages": TALK[:1]}, "has no answer"),
        ({"messages": TALK[1:]}, "begins with an answer"),
        ({"messages": [TALK[0], {"role": "bot", "content": "b"}]}, "message 2 has the role 'bot'"),
        ({"messages": [TALK[0], {"role": "assistant", "content": ""}]}, r"message 2 \(assistant\) has no content"),
        ({"messages": [TALK[0], {"role": "assistant", "content": ["b"]}]}, "has no content"),
        ({"messages": "a"}, "is not a list of objects"),
        ("[1]", "holds list, not an object"),
        ('{"instruction": "a"', "is not valid JSON"),
    ],
)
def test_a_line_that_is_no_order_is_named(tmp_path: Path, line: Any, found: str) -> None:
    path = written(tmp_path / "o.jsonl", {"instruction": "a", "label": "b"}, line)
    with pytest.raises(UserError, match=found) as caught:
        Tuning(path=str(path)).check()
    assert "o.jsonl:2" in caught.value.place
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\n \n", "is empty"),
        (b'{"instruction": "a", "label": "\xff"}\n', "o.jsonl.*:1: is not UTF-8"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, found: str, packed: bool) -> None:
    path = tmp_path / ("o.jsonl.gz" if packed else "o.jsonl")
    if content is not None:
        path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(UserError, match=found):
        Tuning(path=str(path)).check()


def test_a_packed_file_that_was_cut_or_never_packed(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps({"instruction": "a", "label": "b" * 99}).encode())
    for content, found in ((whole[:-9], "cannot be decompressed"), (b"plain", "cannot be decompressed")):
        (tmp_path / "o.jsonl.gz").write_bytes(content)
        with pytest.raises(UserError, match=found):
            Tuning(path=str(tmp_path / "o.jsonl.gz")).check()


def test_what_is_asked_is_the_files_content_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    here = Tuning(path=str(orders(tmp_path / "o.jsonl")))
    there = Tuning(path=str(orders(tmp_path / "there" / "p.jsonl")))
    assert here.identity_key() == there.identity_key()
    assert str(tmp_path) not in json.dumps(here.identity_key())
    orders(tmp_path / "there" / "p.jsonl", 61)
    assert here.identity_key() != there.identity_key()
    assert here.identity_key() != here.replace(label="a").identity_key()


@pytest.mark.parametrize(
    "wrong",
    [{"objective": "causal"}, {"packing": "stream"}, {"validation": {"alarm": 0.1}}, {"mixture": {}}, {"path": ""}],
)
def test_what_no_tuning_states(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Tuning(**{"path": "o.jsonl", **wrong})


def test_low_rank_updates_without_peft_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Tuning(path=str(orders(tmp_path / "o.jsonl")))
    monkeypatch.setitem(sys.modules, "peft", None)
    spec.check()
    with pytest.raises(UserError, match=r"instruction_tuning\.lora: needs the package peft"):
        spec.replace(lora=Lora()).check()


CALL = {"role": "assistant", "content": "b", "tool_calls": [{"function": {"name": "rent"}}]}


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"messages": [TALK[0], CALL]}, "message 2: has the key 'tool_calls'"),
        ({"messages": [TALK[0], {**TALK[1], "reasoning_content": "r"}]}, "message 2: has the key 'reasoning_content'"),
        ({"messages": [{**TALK[0], "name": "Ann"}, TALK[1]]}, "message 1: has the key 'name'"),
        ({"messages": [{**TALK[0], "weight": 0}, TALK[1]]}, "message 1: has the key 'weight'"),
        ({"messages": [TALK[0], {**TALK[1], "train": False}]}, "message 2: has the key 'train'"),
        ({"messages": TALK, "tools": [{"type": "function"}]}, "o.jsonl:1: has the key 'tools'"),
        ({"messages": TALK, "weight": 0.5}, "o.jsonl:1: has the key 'weight'"),
        ({"instruction": "a", "label": "b", "system": "Be brief."}, "o.jsonl:1: has the key 'system'"),
        ({"instruction": "a", "label": "b", "history": [["c", "d"]]}, "o.jsonl:1: has the key 'history'"),
        ({"instruction": "a", "label": "b", "context": "c"}, "o.jsonl:1: has the key 'context'"),
    ],
)
def test_what_would_be_dropped_is_refused_unless_the_recipe_says_so(tmp_path: Path, record: Any, place: str) -> None:
    path = written(tmp_path / "o.jsonl", record)
    with pytest.raises(UserError, match=place):
        read(path)
    key = place.rpartition("'")[0].rpartition("'")[2]
    ((_, messages),) = [(order.place, order.messages) for order in Tuning(path=str(path), ignore=(key,)).read()]
    assert [each["content"] for each in messages] == ["a", "b"]


def test_what_says_nothing_is_no_key(tmp_path: Path) -> None:
    message = {**TALK[1], "weight": 1, "tool_calls": [], "name": None, "refusal": "", "audio": {}}
    path = written(tmp_path / "o.jsonl", {"messages": [TALK[0], message], "tools": None, "weight": 1, "id": 7})
    assert read(path) == [("o.jsonl:1", TALK)]


def test_a_column_that_is_read_is_no_unread_key(tmp_path: Path) -> None:
    path = written(tmp_path / "o.jsonl", {"instruction": "a", "label": "b", "context": "c"})
    assert read(path, input="context")[0][1][0]["content"] == "a\n\nc"


@pytest.mark.parametrize("weight", [0.5, 2, -1, "1"])
def test_weights_are_0_or_1(tmp_path: Path, weight: object) -> None:
    path = written(tmp_path / "o.jsonl", {"messages": [TALK[0], {**TALK[1], "weight": weight}]})
    with pytest.raises(UserError, match=r"message 2: has the weight .*use 1, or 0"):
        read(path)


def test_a_conversation_without_an_answer_to_learn_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "o.jsonl", {"messages": [TALK[0], {**TALK[1], "weight": 0}]})
    with pytest.raises(UserError, match="all have weight 0"):
        read(path)
