from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.text.scorers.linear import Linear


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    words = {"drop": "click here buy now", "keep": "the report explains the rates"}
    rows = [{"text": f"{words[label]} {i}", "label": label, "desk": f"d{i % 2}"} for label in words for i in range(50)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "a.jsonl"


def test_a_model_is_trained_and_calibrated(labelled: Path, tmp_path: Path, command: Any) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps({"text": f"bond {i} " * 300}) + "\n" for i in range(40)))
    model = tmp_path / "m.safetensors"
    answer = command.ask("quality", "train", labelled, "--good", "keep", "--out", model, "--own", own)
    assert answer.code == 0, answer.err
    assert "AUC 1.000" in answer.out
    assert f"{{kind: quality, scorer: {{linear: {model}}}, threshold: 0.5}}" in answer.out
    assert Linear.load(model, purpose="quality").header["examples"] == {"keep": 50 + 25, "drop": 50}
    answer = command.ask("quality", "calibrate", own, "--scorer", f"{{linear: {model}}}", "--most", "0.1")
    assert answer.code == 0, answer.err
    threshold = float(answer.out.splitlines()[0].removeprefix("threshold: "))
    assert 0.5 < threshold < 1.0
    assert "of 40 texts below it" in answer.out


def test_what_cannot_be_done(labelled: Path, tmp_path: Path, command: Any) -> None:
    model = tmp_path / "m.safetensors"
    train = ("quality", "train", labelled, "--out", model)
    command.refused(command.ask(*train, "--good", "fine"), "no example is labelled fine", "--good")
    command.refused(command.ask("quality", "calibrate", labelled, "--scorer", "words"), "--scorer", "linear")
    missing = ("quality", "calibrate", labelled, "--scorer", "{linear: none.safetensors}")
    command.refused(command.ask(*missing), "none.safetensors")
    assert command.ask("quality").code == 2


def test_a_report_of_a_recipes_filters(labelled: Path, tmp_path: Path, command: Any) -> None:
    model = tmp_path / "m.safetensors"
    assert command.ask("quality", "train", labelled, "--good", "keep", "--out", model).code == 0
    filters = json.dumps(["language", {"kind": "quality", "scorer": {"linear": str(model)}}])
    words = ("--labelled", labelled, "--good", "keep", "--set", f"corpus.filters={filters}")
    answer = command.ask("quality", "report", "quickstart", *words, "--source", "desk")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert "quality: agreement 1.000, kappa +1.00" in lines
    assert "  of bad text dropped  100.0% (92.9% to 100.0%) of 50" in lines
    assert "  of good text dropped 0.0% (0.0% to 13.3%) of 25 in d0" in lines
    assert [line.partition(":")[0] for line in lines if line[0] != " "] == ["language", "quality", "all"]
    wrong = (*words[:3], "fine", *words[4:])
    command.refused(command.ask("quality", "report", "quickstart", *wrong), "fine tells no good text from bad")
