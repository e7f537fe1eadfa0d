"""What is read of the sources before a run: little, and nothing over a network."""

from __future__ import annotations

import json
from pathlib import Path

from corpora.document import Document
from corpora.sources.feed import Feed
from corpora.sources.hub import Hub
from domain.machine import Machine
from flows.recipe.preflight import first_records


def test_of_a_dataset_with_a_sample_the_first_file_is_read(tmp_path: Path) -> None:
    """The sample would be drawn from all files, of which the second one is damaged."""
    rows = "".join(json.dumps({"text": f"text {number}"}) + "\n" for number in range(50))
    (tmp_path / "a.jsonl").write_text(rows)
    (tmp_path / "b.jsonl").write_bytes(b"\xff\x00 no JSON")
    machine = Machine(work=tmp_path / "work")
    source = Hub.model_validate({"kind": "hub", "dataset": str(tmp_path), "documents": 20})
    first = first_records(source, machine, 20)
    assert [record.text for record in first if isinstance(record, Document)] == [f"text {n}" for n in range(20)]


def test_nothing_is_read_over_a_network(tmp_path: Path) -> None:
    feed = Feed.model_validate({"kind": "feed", "urls": ["https://news.example/feed"], "contact": "you@bank.example"})
    assert first_records(feed, Machine(work=tmp_path, network=False), 20) == []
