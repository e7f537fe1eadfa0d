from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from domain.text.scorers.linear import Linear

SLUR = codecs.decode("fcvp", "rot13")


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_model_is_trained_from_files(tmp_path: Path, command: Any) -> None:
    one = write(tmp_path / "a.jsonl", [{"body": f"vile thing {i}", "tag": "abuse"} for i in range(50)])
    two = write(tmp_path / "b.jsonl", [{"body": f"kind letter {i}", "tag": "none"} for i in range(50)])
    good = write(
        tmp_path / "c.jsonl", [{"body": " ".join(f"default bond {i} {j}" for j in range(90))} for i in range(9)]
    )
    out = tmp_path / "models" / "m.safetensors"
    columns = ("--safe", "none", "--text", "body", "--label", "tag")
    answer = command.ask("harm", "train", one, two, "--out", out, "--harmless", good, "--seed", 1, *columns)
    assert answer.code == 0, answer.err
    header = Linear.load(out).header
    assert header["examples"] == {"none": 50 + 25, "abuse": 50}  # half as many stretches as safe examples
    assert header["seed"] == 1
    assert "F1 1.000" in answer.out
    assert f"scorer: {{linear: {out}}}" in answer.out
    refused = command.ask("harm", "train", one, two, "--out", tmp_path / "m.bin", *columns)
    command.refused(refused, "does not end in .safetensors")


def calibrate(command: Any, path: str, scorer: str, most: float) -> Any:
    return command.ask("harm", "calibrate", path, "--scorer", scorer, "--most", most)


def test_the_threshold_and_the_texts_closest_to_it_masked(tmp_path: Path, command: Any) -> None:
    rows: list[dict[str, object]] = [{"text": "a report on bonds"} for _ in range(998)]
    rows += [{"text": f"{SLUR} wrote to a@b.org"}, {"text": f"{'fine ' * 49}{SLUR}"}]
    lines = calibrate(command, write(tmp_path / "good.jsonl", rows), "words", 0.001).out.splitlines()
    assert lines[0] == "threshold: 0.5"  # of 1,000 one may pass: the other one's 0.02 / 0.04
    assert lines[1].startswith("1 of 1,000 texts above it; the rate is at most 0.4")
    assert lines[2].endswith("wrote to <EMAIL>")
    assert len(lines) == 4


def test_where_no_text_scores_no_threshold_is_proposed(tmp_path: Path, command: Any) -> None:
    path = write(tmp_path / "good.jsonl", [{"text": "a report on bonds"}] * 10)
    answer = calibrate(command, path, "words", 0.001)
    assert answer.code == 0
    assert "threshold: " not in answer.out
    assert answer.out.startswith("No text scores above 0")


@pytest.mark.parametrize(
    ("scorer", "most", "message"),
    [
        ("word", 0.001, "write words, {words: list.txt}"),
        ("{linear: a, words: b}", 0.001, "names several"),
        ("{linear: [", 0.001, "--scorer, line 1: expected"),
        ("words", 1.5, "is not a share"),
        ("{words: none.txt}", 0.1, "No such file"),
    ],
)
def test_what_cannot_be_calibrated(tmp_path: Path, command: Any, scorer: str, most: float, message: str) -> None:
    command.refused(calibrate(command, write(tmp_path / "good.jsonl", [{"text": "fine"}]), scorer, most), message)


def test_a_file_without_a_text(tmp_path: Path, command: Any) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    command.refused(calibrate(command, str(tmp_path / "empty.jsonl"), "words", 0.1), "is empty")
