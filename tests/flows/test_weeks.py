"""A second week of one recipe: a new file, a new day, and only what is new is filtered."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

WEEKS = {"2026-01-02": (0, 160), "2026-01-09": (160, 240)}


@pytest.mark.usefixtures("without_engine")
def test_a_second_week_adds_to_the_first(
    make_recipe: Any, texts: Path, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("corpora.collect"), "SHARD_BYTES", 10_000)
    path = make_recipe()
    rows = [json.loads(line) for line in (texts / "domain.jsonl").read_text().splitlines()]
    (tmp_path / "text").mkdir()
    cache, kept, shards = [], [], []
    for week, (first, last) in WEEKS.items():
        days = [date.fromisoformat(week) - timedelta(days=number % 7) for number in range(first, last)]
        dated = [{**row, "date": day.isoformat()} for row, day in zip(rows[first:last], days, strict=True)]
        lines = [json.dumps(row) + "\n" for row in dated]
        (tmp_path / "text" / f"{week}.jsonl").write_text("".join(lines))
        settings = ("--set", "corpus.domain.0.path=text/*.jsonl", "--set", "corpus.holdout.later=0.1")
        where = ("--work", tmp_path / "work", "--tracking", "none", *command.machine)
        answer = command.ask("run", path, "--as-of", week, "--until", "curate", *settings, *where)
        assert answer.code == 0, answer.err
        shown = json.loads(command.ask("show", "contracts", "--json", "--work", tmp_path / "work").out)
        assert shown["as_of"] == week
        assert shown["corpus"]["documents_in"] == last + 240
        cache.append({path.name for path in (tmp_path / "work" / "cache" / "curate").iterdir()})
        corpus, raw = (Path(shown["stages"][stage]["path"]) for stage in ("curate", "collect"))
        kept.append({split: ids(corpus / split) for split in ("train", "test", "later")})
        shards.append(len(list((raw / "documents").iterdir())))
    before, after = kept
    assert before["test"]
    assert after["later"]
    assert before["test"] & after["train"] == set()
    assert before["test"] - after["later"] <= after["test"]  # what was held out for the test stays there
    assert after["later"] <= {f"domain-{number}" for number in range(160, 240)}
    assert len(after["train"]) > len(before["train"])
    assert (
        0 < len(cache[1] - cache[0]) < shards[1] - shards[0] + 2
    )  # the new shards, and the last one of the first week
    assert len(list((tmp_path / "work" / "artifacts" / "curate").iterdir())) == 2


def ids(folder: Path) -> set[str]:
    """The ids of the domain documents in a split."""
    files = folder.glob("domain-*.jsonl")
    return {json.loads(line)["id"] for file in files for line in file.read_text().splitlines()}
