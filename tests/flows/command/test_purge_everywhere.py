"""After a purge, nothing in a work folder holds the text: not pages, tracked files, ledgers, caches or databases."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from backports import zstd

from domain.machine import Machine

SECRET = "quixotryx"  # no word of anything else
DROPPED = "house_rule:quoting"
RULE = """
def quoting(document):
    if "drop me" in document.text:
        return False, "unwanted"
    if "fail on me" in document.text:
        raise RuntimeError(document.text)
    return True
"""


def contents(path: Path) -> Iterator[bytes]:
    """What a file holds, as it is and unpacked."""
    raw = path.read_bytes()
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    elif raw[:4] == b"\x28\xb5\x2f\xfd":
        yield zstd.decompress(raw)
    elif raw[:4] == b"PAR1":
        yield json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str).encode()
    elif raw[:15] == b"SQLite format 3":
        with sqlite3.connect(path) as database:
            yield "\n".join(database.iterdump()).encode("utf-8", "replace")


def holding(work: Path) -> list[str]:
    """The files below a folder that hold the secret, in whatever case."""
    files = [path for path in sorted(work.rglob("*")) if path.is_file() and not path.is_symlink()]
    needle = SECRET.encode()
    return [str(path.relative_to(work)) for path in files if any(needle in each.lower() for each in contents(path))]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs without Prefect, with the profile's plugins."""
    from flows.recipe.recipe import load_recipe
    from flows.run.run import make_all

    def run_flow(name: str, overrides: list[str], as_of: date, until: str, machine: Machine) -> None:
        make_all(load_recipe(name, overrides, machine), as_of, machine, until)

    monkeypatch.setattr("flows.run.run.run_flow", run_flow)


@pytest.mark.soak
@pytest.mark.usefixtures("in_process")
def test_a_purge_leaves_nothing_anywhere(command: Any, texts: Path, tmp_path: Path, make_recipe: Any) -> None:
    (tmp_path / "house_rule.py").write_text(RULE)
    records = [json.loads(line) for line in (texts / "domain.jsonl").read_text().splitlines()]
    for number, record in enumerate(records[:12]):
        begin = {10: "drop me", 11: "fail on me"}.get(number, "")
        record["text"] = f"{begin} {SECRET} {number} {record['text']}".strip()
    (tmp_path / "domain.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    recipe = yaml.safe_load(make_recipe().read_text())
    corpus = {**recipe["corpus"], "domain": [{"kind": "files", "path": str(tmp_path / "domain.jsonl")}]}
    corpus |= {"filters": [{"kind": DROPPED}], "max_unreadable": 0.1}
    profile = tmp_path / "machine.yaml"
    work = tmp_path / "work"
    profile.write_text(yaml.safe_dump({"work": str(work), "plugins": ["house_rule"], "plugin_path": str(tmp_path)}))
    answer = command.ask("run", make_recipe(corpus=corpus), "--machine", profile)
    assert answer.code in (0, 1), answer.err
    folders = {path.partition("/")[0] for path in holding(work)}
    assert folders >= {"artifacts", "cache", "mlartifacts", "reports"}
    withdrawn = command.ask("withdraw", *(f"domain-{i}" for i in range(12)), "--purge", "--machine", profile)
    assert withdrawn.code == 0, withdrawn.err
    assert holding(work) == []
