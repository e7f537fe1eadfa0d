from __future__ import annotations

import re
import sqlite3
import textwrap
from pathlib import Path

import pytest

from corpora import Collection, Curation, Document, collect
from corpora.filters.filter import Drop
from corpora.plugins import Plugins
from domain.jsonlines import read_lines
from domain.text.words import Split

README = Path(__file__).resolve().parents[2] / "corpora" / "README.md"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with the modules that the README writes."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in map(textwrap.dedent, blocks):
        if name := re.match(r"\s*# (house/\w+\.py)\n", block):
            (tmp_path / "house").mkdir(exist_ok=True)
            (tmp_path / name[1]).write_text(block.partition("# in the recipe")[0])
    return tmp_path


def test_the_source_that_the_readme_writes(house: Path, plugins: Plugins) -> None:
    with sqlite3.connect(house / "notes.db") as notes:
        notes.execute("create table notes (id, day, text)")
        notes.executemany("insert into notes values (?, ?, ?)", [(i, f"2024-01-0{i}", f"note {i}") for i in (3, 1, 2)])
    source = {"kind": "house.notes:Notes", "name": "notes", "path": str(house / "notes.db")}
    settings = {"domain": [source], "general": [source], "licences": {"allow": ["internal"]}}
    spec = Collection.model_validate(settings, context={"plugins": plugins})
    raw = collect(spec, out=house / "raw")
    documents = list(read_lines(raw.path / "documents" / "domain-00000.jsonl"))
    assert [(d["id"], d["text"], d["date"]) for d in documents] == [
        (f"note-{i}", f"note {i}", f"2024-01-0{i}") for i in (1, 2, 3)
    ]
    assert next(read_lines(raw.path / "sources.jsonl"))["stamp"] == [3, "2024-01-03"]
    assert str(house) not in str(spec.identity_key())


def test_the_filter_that_the_readme_writes(house: Path, plugins: Plugins) -> None:
    settings = {"filters": ["quality", {"kind": "house.tickers:tickers", "share": 0.3}]}
    spec = Curation.model_validate(settings, context={"plugins": plugins})
    texts = ["AAPL MSFT rise", "all is well"]
    documents = [Document(id="d", source="s", text=text) for text in texts]
    assert spec.filters[1].judge(documents, Split(texts)) == [Drop("tickers"), None]
