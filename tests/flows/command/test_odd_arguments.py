"""Arguments that no file can have as a name, and files that might never end, are one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

COMMANDS = (
    "check",
    "plan",
    "run",
    "show",
    "ledger",
    "datasheet",
    "why X",
    "generate X",
    "release list",
    "new",
    "export",
)


@pytest.mark.parametrize("command_line", COMMANDS)
@pytest.mark.parametrize("name", ["a" * 251, "a" * 300, "a/" * 2_500 + "b", "pipe", "loop", "~no-such-user/x"])
def test_a_name_that_is_none(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    words = command_line.split()
    if words[0] == "new" and name in ("pipe", "loop"):
        return  # these are good names for a recipe
    rest = ["prompt"] if words[-1] == "X" else []
    place = (
        ["--out", tmp_path / "m"]
        if words[0] == "export"
        else []
        if words[0] == "new"
        else ["--work", tmp_path / "work"]
    )
    answer = command.ask(*(word for word in words if word != "X"), name, *rest, *place)
    assert "Traceback" not in answer.err
    assert answer.code in (1, 2)


@pytest.mark.parametrize("out", ["a" * 300 + ".safetensors", "loop/m.safetensors", "good.jsonl/m.safetensors"])
def test_a_model_that_cannot_be_written(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    rows = [{"text": f"word{i} and {i % 7} more", "label": "ab"[i % 2]} for i in range(80)]
    Path("good.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command.refused(command.ask("harm", "train", "good.jsonl", "--safe", "a", "--out", out), "cannot be written")


@pytest.mark.parametrize(
    "scorer", ["{words: pipe}", "{linear: pipe}", "{fasttext: pipe, labels: [a]}", "{words: /dev/zero}"]
)
def test_a_scorer_that_is_a_pipe(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scorer: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("good.jsonl").write_text('{"text": "fine"}\n')
    command.refused(command.ask("harm", "calibrate", "good.jsonl", "--scorer", scorer), "it is a pipe")
