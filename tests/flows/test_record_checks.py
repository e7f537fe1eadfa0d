"""A record that is none is one line that names its file; no command ends by it in another way."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from flows.record_checks import read_release, read_run
from flows.releases.registry import list_releases
from flows.run.record import RunRecord

SCORE = {
    "base": 1.0, "control": 1.0, "adapted": 0.9, "change": -0.1, "interval": [-0.2, 0.0],
    "change_from_control": -0.1, "interval_from_control": [-0.2, 0.0], "units": 9, "documents": 9, "bytes": 900,
    "overlap": {"words": 13, "sources": {}, "new_text": [{"max_share": 0.0, "score": None}]},
}  # fmt: skip
FACTS: dict[str, dict[str, Any]] = {
    "curate": {"documents_in": 9, "documents_out": 8, "bytes_in": 90, "bytes_out": 80, "dropped": {"near": 1}},
    "tokenizer": {"size": 300, "bytes_per_token": {"domain": 3.1, "general": None}, "more": 1},
    "evaluate": {"domain": SCORE, "general": SCORE},
    "decide": {"released": True, "reasons": ["it is better"]},
    "release": {"prompt": "The tenant"},
}
Change = Callable[[dict[str, Any]], object]


def stage(label: str, number: int) -> dict[str, Any]:
    path = f"artifacts/{label}/{'a' * 16}"
    took = {"seconds": 1.0, "memory": 2}
    made = {"number": number, "kind": "Raw", "path": path, "identity": "a" * 64, "digest": "b" * 64, "seconds": 1.0}
    return {**made, "facts": FACTS[label], "learned": {"planned": took, "measured": {**took, "device": "cpu"}}}


def run() -> dict[str, Any]:
    """The record of a run to its release."""
    return {
        "recipe": {"name": "contracts"}, "file": "contracts.yaml", "as_of": "2026-01-02", "until": "release",
        "started": "2026-01-02T00:00:00+00:00", "process": 1, "state": "completed", "stage": "", "error": "",
        "exit_code": 0, "stages": {label: stage(label, n) for n, label in enumerate(FACTS)}, "tracked_at": None,
    }  # fmt: skip


def write(work: Path, change: Change = lambda content: None, *, release: bool = False) -> Path:
    """A run's record, or a release's, after a change."""
    content = copy.deepcopy(run())
    change(content)
    path = work / "releases" / "contracts" / "2026-01-02-a.json" if release else work / "runs" / "contracts.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, "released": content["started"]} if release else content))
    return path


def at(*keys: str, value: object) -> Change:
    """A change of one value."""

    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


def lacks(*keys: str) -> Change:
    """A change that removes a value."""

    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


CHANGES: dict[str, Change] = {
    "stages are a list": at("stages", value=[]),
    "a stage is a list": at("stages", "curate", value=[]),
    "a day that is a path": at("as_of", value="../../../home"),
    "a day that is a number": at("as_of", value=20260102),
    "no day": lacks("as_of"),
    "a number as text": at("stages", "curate", "number", value="1"),
    "facts are text": at("stages", "curate", "facts", value="x"),
    "no count": lacks("stages", "curate", "facts", "documents_out"),
    "a count as text": at("stages", "curate", "facts", "documents_out", value="8"),
    "reasons as a list": at("stages", "curate", "facts", "dropped", value=[]),
    "no size of the tokenizer": lacks("stages", "tokenizer", "facts", "size"),
    "no score": lacks("stages", "evaluate", "facts", "general"),
    "a score as text": at("stages", "evaluate", "facts", "domain", "adapted", value="0.9"),
    "an interval of one": at("stages", "evaluate", "facts", "domain", "interval", value=[1.0]),
    "a change as a list": at("stages", "evaluate", "facts", "domain", "change", value=[]),
    "no overlap": lacks("stages", "evaluate", "facts", "domain", "overlap"),
    "an overlap as a list": at("stages", "evaluate", "facts", "domain", "overlap", value=[]),
    "sources as a list": at("stages", "evaluate", "facts", "domain", "overlap", "sources", value=[]),
    "a source as text": at("stages", "evaluate", "facts", "domain", "overlap", "sources", value={"a": "b"}),
    "scores as text": at("stages", "evaluate", "facts", "domain", "overlap", "new_text", value="none"),
    "words as text": at("stages", "evaluate", "facts", "domain", "overlap", "words", value="thirteen"),
    "released as text": at("stages", "decide", "facts", "released", value="no"),
    "reasons of numbers": at("stages", "decide", "facts", "reasons", value=[1]),
    "no prompt": lacks("stages", "release", "facts", "prompt"),
    "a time of nothing": at("stages", "curate", "learned", "planned", "seconds", value=0),
    "a time without end": at("stages", "curate", "learned", "planned", "seconds", value=float("inf")),
    "a path that leads away": at("stages", "release", "path", value="../../home/alice"),
    "a path from the root": at("stages", "release", "path", value="/etc"),
    "a path with a zero": at("stages", "release", "path", value="a\0b"),
    "a page that leads away": at("stages", "release", "page", value="../secret.html"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("release", [False, True])
def test_a_record_of_other_types(tmp_path: Path, command: Any, change: Change, release: bool) -> None:
    path = write(tmp_path, change, release=release)
    read = partial(list_releases, tmp_path) if release else RunRecord(tmp_path, "contracts").shown
    with pytest.raises(UserError, match=rf"{path.name}|which is not in it") as error:
        read()  # type: ignore[operator]
    assert len(str(error.value).splitlines()) == 1
    command.refused(command.ask("show", "contracts", "--work", tmp_path))
    if release:
        command.refused(command.ask("release", "list", "--work", tmp_path))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"stages": {}}', b"FIFO"])
@pytest.mark.parametrize("release", [False, True])
def test_what_is_no_record(tmp_path: Path, command: Any, content: bytes, release: bool) -> None:
    path = write(tmp_path, release=release)
    path.write_bytes(content)
    if content == b"FIFO":
        path.unlink()
        os.mkfifo(path)
    words = (path.name, "remove it") if path.is_file() else ()
    command.refused(command.ask("show", "contracts", "--work", tmp_path), *words)


def test_a_record_is_given_as_it_was_written(tmp_path: Path, command: Any) -> None:
    assert read_run(write(tmp_path)) == run()
    assert RunRecord(tmp_path, "contracts").read()["stages"]["release"]["path"].startswith(str(tmp_path / "artifacts"))
    assert command.ask("show", "contracts", "--work", tmp_path).code == 0
    assert read_release(write(tmp_path, release=True))["stages"] == run()["stages"]
    answer = command.ask("release", "list", "--work", tmp_path)
    assert answer.code == 0
    assert "domain -10.0%, general -10.0%" in answer.out


def test_a_release_without_scores(tmp_path: Path, command: Any) -> None:
    write(tmp_path, lacks("stages", "evaluate"), release=True)
    command.refused(command.ask("release", "list", "--work", tmp_path), "has no stage evaluate")


@pytest.mark.parametrize("name", ["..", ".", "*", "a\0b"])
def test_a_name_that_no_record_has(tmp_path: Path, command: Any, name: str) -> None:
    write(tmp_path)
    assert not RunRecord.exists(tmp_path, name)
    assert not RunRecord.exists(tmp_path, "a" * 300)
    command.refused(command.ask("show", name, "--work", tmp_path))
