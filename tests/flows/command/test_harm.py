from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.text.harm.linear import Linear
from flows.command.harm import calibrate, train

SLUR = codecs.decode("fcvp", "rot13")


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_model_is_trained_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "a.jsonl", [{"body": f"vile thing {i}", "tag": "abuse"} for i in range(50)])
    two = write(tmp_path / "b.jsonl", [{"body": f"kind letter {i}", "tag": "none"} for i in range(50)])
    good = write(
        tmp_path / "c.jsonl", [{"body": " ".join(f"default bond {i} {j}" for j in range(90))} for i in range(9)]
    )
    out = str(tmp_path / "models" / "m.safetensors")
    train([one, two], out, safe="none", harmless=[good], text="body", label="tag", seed=1)
    header = Linear.load(Path(out)).header
    assert header["examples"] == {"none": 50 + 25, "abuse": 50}  # half as many stretches as safe examples
    assert header["seed"] == 1
    told = capsys.readouterr().out
    assert "F1 1.000" in told
    assert f"scorer: {{linear: {out}}}" in told
    with pytest.raises(UserError, match=r"does not end in \.safetensors"):
        train([one, two], str(tmp_path / "m.bin"), safe="none", harmless=[], text="body", label="tag", seed=1)


def test_a_threshold_is_found_and_what_comes_close_is_shown_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, object]] = [{"text": "a report on bonds"} for _ in range(998)]
    rows += [{"text": f"{SLUR} wrote to a@b.org"}, {"text": f"{'fine ' * 49}{SLUR}"}]
    calibrate([write(tmp_path / "good.jsonl", rows)], scorer="words", most=0.001, text="text")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "threshold: 0.5"  # of 1,000 one may pass: the other one's 0.02 / 0.04
    assert told[1].startswith("1 of 1,000 texts above it; the rate is at most 0.4")
    assert told[2].endswith("wrote to <EMAIL>")
    assert len(told) == 4


@pytest.mark.parametrize(
    ("scorer", "most", "found"),
    [
        ("word", 0.001, "write words, {words: list.txt}"),
        ("{linear: a, words: b}", 0.001, "names several"),
        ("{linear: [", 0.001, "while parsing"),
        ("words", 1.5, "is no share"),
        ("{words: none.txt}", 0.1, "No such file"),
    ],
)
def test_what_cannot_be_calibrated(tmp_path: Path, scorer: str, most: float, found: str) -> None:
    path = write(tmp_path / "good.jsonl", [{"text": "fine"}])
    with pytest.raises(UserError, match=found):
        calibrate([path], scorer=scorer, most=most, text="text")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    with pytest.raises(UserError, match="holds no text"):
        calibrate([str(tmp_path / "empty.jsonl")], scorer="words", most=0.1, text="text")
