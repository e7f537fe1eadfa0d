"""A withdrawal is obeyed by every later collection, and found wherever a document is held."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpora.collect import Collection, collect
from corpora.withdrawal.containment import all_made, close, holders
from corpora.withdrawal.withdraw import Withdrawal, Withdrawals, record, undo
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.machine import Machine


def row(name: str, text: str = "text") -> Withdrawal:
    return Withdrawal(id=name, sha256=hashlib.sha256(text.encode()).hexdigest())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Documents a, b, c and twice d; c repeats the text of a."""
    texts = [("a", "first text"), ("b", "second text"), ("c", "first text"), ("d", "third text"), ("d", "fourth text")]
    lines = (json.dumps({"id": name, "text": text, "date": "2024-01-01"}) + "\n" for name, text in texts)
    (tmp_path / "in.jsonl").write_text("".join(lines))
    return tmp_path / "in.jsonl"


@pytest.fixture
def collected(source: Path, tmp_path: Path) -> Callable[[str], Any]:
    """``collected(name)``: raw text, collected into a folder of that name under what was withdrawn in ``work``."""
    spec = Collection.model_validate({
        "domain": [{"kind": "files", "path": str(source)}], "general": [{"kind": "files", "path": str(source)}],
        "licences": {"allow": ["unknown"]},
    })  # fmt: skip
    machine = Machine(work=tmp_path / "work", workers=1)
    (tmp_path / "work").mkdir()

    def make(name: str) -> tuple[Any, dict[str, Any]]:
        return collect(spec, out=tmp_path / name, machine=machine), spec.snapshot_key(machine)

    return make


def test_a_withdrawn_document_and_its_text_are_left_out(collected: Any, tmp_path: Path) -> None:
    before, asked = collected("before")
    record(tmp_path / "work", [row("a", "first text"), row("d", "third text")])
    after, asked_anew = collected("after")
    assert asked != asked_anew
    assert before.identity != after.identity
    # c has a's text; a#2, c#2 and d#2 of the general part too; what was d#2 keeps that id, and d#3 is the third text.
    assert [line["id"] for line in read_lines(before.path / "inventory.jsonl")] == [
        "a", "b", "c", "d", "d#2", "a#2", "b#2", "c#2", "d#3", "d#4",
    ]  # fmt: skip
    assert [line["id"] for line in read_lines(after.path / "inventory.jsonl")] == ["b", "d#2", "b#2", "d#4"]
    left = list(read_lines(after.path / "quarantine.jsonl"))
    assert [(line["record"], line["part"], line["action"], line["reason"]) for line in left[:3]] == [
        ("a", "domain", "dropped", "withdrawn"), ("c", "domain", "dropped", "withdrawn"),
        ("d", "domain", "dropped", "withdrawn"),
    ]  # fmt: skip
    assert after.facts["withdrawn"] == 6
    assert [line["withdrawn"] for line in read_lines(after.path / "sources.jsonl")] == [3, 3]
    assert b"first text" not in b"".join(p.read_bytes() for p in (after.path / "documents").iterdir())


def test_what_is_empty_or_dated_later_has_a_row_too(tmp_path: Path) -> None:
    lines = [{"id": "a", "text": "x", "date": "2024-01-01"}, {"id": "b", "text": "x", "date": "2025-01-01"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"id": "c", "text": " "}]))
    files = [{"kind": "files", "path": str(tmp_path / "in.jsonl")}]
    settings = {"domain": files, "general": files, "licences": {"allow": ["unknown"]}, "as_of": "2024-06-01"}
    machine = Machine(work=tmp_path / "work")
    raw = collect(Collection.model_validate(settings), out=tmp_path / "raw", machine=machine)
    left = [(line["record"], line["action"], line["reason"]) for line in read_lines(raw.path / "quarantine.jsonl")]
    assert left == [("b", "dropped", "dated after the day"), ("c", "dropped", "no text")] * 2


def test_a_source_of_which_all_was_withdrawn_is_told(collected: Any, tmp_path: Path) -> None:
    record(tmp_path / "work", [row("a", f"{name} text") for name in ("first", "second", "third", "fourth")])
    with pytest.raises(UserError, match=r"holds no document \(5 withdrawn\)"):
        collected("raw")


def test_the_list_survives_a_torn_line_and_grows_once(tmp_path: Path) -> None:
    assert Withdrawals.read(tmp_path) == Withdrawals()
    assert record(tmp_path, [row("a"), row("b")]) == 2
    with (tmp_path / "withdrawn.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')
    assert [row.id for row in Withdrawals.read(tmp_path).rows] == ["a", "b"]
    assert record(tmp_path, [row("b"), row("c")]) == 1
    assert [row.id for row in Withdrawals.read(tmp_path).rows] == ["a", "b", "c"]
    assert [line["id"] for line in read_lines(tmp_path / "withdrawn.jsonl")] == ["a", "b", "c"]


SHA = "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", '{"id": "a"}', "[1]", '{"id": [], "sha256": ""}', "", '{"id": "a", "sha256": "00"}',
        f'{{"id": "a", "sha256": "{SHA}", "bands": ["x"]}}', f'{{"id": "a", "sha256": "{SHA}", "text": "its words"}}',
        f'{{"id": "", "sha256": "{SHA}"}}', f'{{"id": "a", "sha256": "{SHA}", "shorter": [{2**64}]}}',
        f'{{"id": "a", "sha256": "{SHA}", "bands": [1, 2]}}', f'{{"id": "a", "sha256": "{SHA}", "key": "A"}}',
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_understood_stops_everything(tmp_path: Path, line: str) -> None:
    good = f'{{"id": "a", "sha256": "{SHA}"}}'
    (tmp_path / "withdrawn.jsonl").write_text(f"{good}\n{line}\n{good}\n")
    with pytest.raises(UserError, match=r"withdrawn\.jsonl:2"):
        Withdrawals.read(tmp_path)


def test_a_withdrawal_is_taken_back(tmp_path: Path) -> None:
    record(tmp_path, [row("a"), row("b"), row("a", "other")])
    assert undo(tmp_path, ["a", "c"]) == ["a"]
    assert [line["id"] for line in read_lines(tmp_path / "withdrawn.jsonl")] == ["b"]
    assert undo(tmp_path, ["a"]) == []
    assert record(tmp_path, [row("a")]) == 1


def test_who_holds_a_document(hand_made: Any, tmp_path: Path) -> None:
    hand_made(tmp_path)

    def kinds(*ids: str) -> list[str]:
        return [made.manifest["stage"] for made, _ in holders(all_made(tmp_path), ids)]

    assert kinds("a") == ["collect", "curate", "tokenizer", "encode", "pretrain", "release"]
    assert kinds("e") == ["collect", "curate", "encode"]  # validation: no model learns from it
    assert kinds("b") == ["collect"]
    assert sorted(kinds("g1")) == sorted(
        ["collect", "curate", "tokenizer", "encode", "base", "pretrain", "control", "release"]
    )
    assert kinds("nobody") == []
    manifest = tmp_path / "artifacts" / "tokenizer" / "tokenizer0000000" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "spec": {"mode": "keep"}}))
    assert "tokenizer" not in kinds("a")  # the base's own tokenizer has read nothing here


def test_close_ids() -> None:
    ids = [f"calls/2024.jsonl:{number}" for number in range(2_000)] + ["x"]
    assert "calls/2024.jsonl:17" in close("calls/2024.json:17", ids)
    assert close("2024.jsonl:1999", ids)[0] == "calls/2024.jsonl:1999"
    assert close("nothing of the kind", ids) == []
    assert close("a", []) == []
