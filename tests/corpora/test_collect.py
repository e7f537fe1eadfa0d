from __future__ import annotations

import hashlib
import json
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection, collect
from corpora.plugins import Plugins
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.machine import Machine
from tests.corpora.crawl.warcs import PROSE, http, page, record


def test_the_inventory_is_true_of_the_documents(raw: Any) -> None:
    texts = ["naïve text", "second", "third"]
    made = raw([{"text": text, "id": f"d{i}", "date": "2024-01-02"} for i, text in enumerate(texts)])
    inventory = [row for row in read_lines(made.path / "inventory.jsonl") if row["part"] == "domain"]
    assert [(row["id"], row["bytes"]) for row in inventory] == [("d0", 11), ("d1", 6), ("d2", 5)]
    assert [row["sha256"] for row in inventory] == [hashlib.sha256(t.encode()).hexdigest() for t in texts]
    documents = list(read_lines(made.path / "documents" / "domain-00000.jsonl"))
    assert [row["text"] for row in documents] == texts
    assert documents[0].keys() == {"id", "text", "source", "url", "licence", "date", "language"}
    assert made.facts == {
        "documents": {"domain": 3, "general": 30},
        "bytes": {"domain": 22, "general": made.facts["bytes"]["general"]},
        "empty": 0, "later": 0, "withdrawn": 0, "quarantined": 0, "undated": 0, "readers": made.facts["readers"],
    }  # fmt: skip
    assert made.facts["readers"]["domain"]["libraries"]["trafilatura"] == metadata.version("trafilatura")


def test_what_a_source_was_stands_in_raw_without_its_place(raw: Any, tmp_path: Path) -> None:
    made = raw([{"text": "one"}])
    row = next(read_lines(made.path / "sources.jsonl"))
    file = tmp_path / "in0" / "domain.jsonl"
    expected = {"file": "domain.jsonl", "bytes": 16, "content": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert row["stamp"] == [expected]
    assert row["licences"] == {"unknown": 1}
    for path in made.path.rglob("*.jsonl"):
        assert str(tmp_path) not in path.read_text()


def test_identity_is_what_was_found(raw: Any) -> None:
    one, same, other = raw([{"text": "a"}]), raw([{"text": "a"}]), raw([{"text": "b"}])
    assert one.identity == same.identity
    assert one.digest == same.digest
    assert one.identity != other.identity


def test_ids_become_unique(raw: Any) -> None:
    made = raw([{"text": str(i), "id": name} for i, name in enumerate(["a", "a", "a", "a#2", 7, 7])])
    names = [row["id"] for row in read_lines(made.path / "inventory.jsonl") if row["part"] == "domain"]
    assert names == ["a", "a#2", "a#3", "a#2#2", "7", "7#2"]


def test_later_and_empty_records_are_accounted_for(raw: Any) -> None:
    records = [
        {"text": "old", "date": "2024-05-01"},
        {"text": "same day", "date": "2024-05-02"},
        {"text": "new", "date": "2024-05-03"},
        {"text": "undated"},
        {"text": " \x00\n ", "id": "blank"},
    ]
    made = raw(records, as_of="2024-05-02")
    assert made.facts["documents"]["domain"] == 3
    assert (made.facts["later"], made.facts["empty"]) == (1, 1)
    row = next(read_lines(made.path / "sources.jsonl"))
    assert (row["documents"], row["later"], row["empty"]) == (3, 1, 1)
    told = {"part": "domain", "source": "domain", "action": "dropped"}
    assert list(read_lines(made.path / "quarantine.jsonl")) == [
        {**told, "record": "domain/domain.jsonl:3", "reason": "dated after the day"},
        {**told, "record": "blank", "reason": "no text"},
    ]


def test_broken_records_are_quarantined_up_to_the_share(raw: Any) -> None:
    records: list[dict[str, Any]] = [{"text": f"t{i}"} for i in range(98)] + [
        {"text": 5},
        {"title": "x"},
    ]
    made = raw(records, max_unreadable=0.02)
    assert made.facts["quarantined"] == 2
    assert [(row["record"], row["reason"]) for row in read_lines(made.path / "quarantine.jsonl")] == [
        ("domain/domain.jsonl:99", "column text holds int, not text"),
        ("domain/domain.jsonl:100", "column text is not there"),
    ]
    with pytest.raises(UserError) as caught:
        raw(records, max_unreadable=0.019)
    assert caught.value.place.endswith("in1/domain.jsonl:99")
    assert "holds int, not text, and 1 more (2 of 100 records cannot be read)" in caught.value.problem


def test_a_healthy_source_does_not_hide_a_broken_one(raw: Any) -> None:
    with pytest.raises(UserError, match=r"general\.jsonl:2"):
        raw([{"text": f"t{i}"} for i in range(5000)], [{"text": "fine"}, {"text": 1}])


@pytest.mark.parametrize(
    "dates",
    [
        ["soon"], ["2021-01", "2021"], ["0001-01-01", "9999-12-31"], ["2099-12-31"], ["31/01/2021", "01/02/2021"],
        [{"$date": 5}, [1]], [1e300, -5], ["n/a?", "2024-02-30"],
    ],
)  # fmt: skip
def test_a_date_that_cannot_be_read_is_counted_and_costs_no_document(
    raw: Any, dates: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    records = [{"text": f"t{i}", "date": day} for i, day in enumerate([*dates, "2024-05-01", None, "n/a", ""])]
    made = raw(records, as_of="2026-01-01", max_unreadable=0.0)
    assert made.facts["documents"]["domain"] == len(records)
    assert (made.facts["undated"], made.facts["later"], made.facts["quarantined"]) == (len(dates), 0, 0)
    row = next(read_lines(made.path / "sources.jsonl"))
    assert row["undated"] == len(dates)
    assert row["first_undated"] == f"domain/domain.jsonl:1: {str(dates[0])!r}"
    assert row["first_undated"] in caplog.text
    days = [document["date"] for document in read_lines(made.path / "documents" / "domain-00000.jsonl")]
    assert days == [None] * len(dates) + ["2024-05-01", None, None, None]


def test_null_text_is_empty_text(raw: Any) -> None:
    made = raw([{"text": "a"}, {"text": None}, {"text": ""}], max_unreadable=0.0)
    assert (made.facts["empty"], made.facts["quarantined"]) == (2, 0)


def test_the_first_reason_stands_where_nothing_could_be_read(raw: Any) -> None:
    with pytest.raises(
        UserError, match=r"\(1 empty, 2 quarantined\); the first is .*:2: column text holds int, not text"
    ):
        raw([{"text": ""}, {"text": 1}, {"text": []}], max_unreadable=1.0)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([{"text": ""}], "holds no document .1 empty."),
        ([{"text": "x", "date": "2030-01-01"}], "holds no document .1 later."),
    ],
)
def test_a_source_that_gives_nothing(raw: Any, records: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(UserError, match=told):
        raw(records, as_of="2024-01-01")


def test_licences_stop_with_every_source_named(raw: Any) -> None:
    domain = [{"text": "a", "licence": "mit"}, {"text": "b"}, {"text": "c"}, {"text": "d", "license": "GPL-3.0"}]
    with pytest.raises(UserError) as caught:
        raw(domain, licences={"allow": ["MIT"]})
    assert caught.value.place == "corpus.licences.allow"
    assert caught.value.problem == (
        "does not cover domain (1 document under GPL-3.0), domain (2 documents under unknown), "
        "general (30 documents under unknown)"
    )
    assert raw(domain, licences={"allow": ["MIT", "unknown", "gpl-3.0"]}).facts["documents"]["domain"] == 4


def test_shards_are_cut_by_size_and_by_source(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("corpora.collect"), "SHARD_BYTES", 100)
    made = raw([{"text": "x" * 40, "id": str(i)} for i in range(7)])
    counts = {p.name: sum(1 for _ in read_lines(p)) for p in sorted((made.path / "documents").glob("domain-*"))}
    assert counts == {"domain-00000.jsonl": 3, "domain-00001.jsonl": 3, "domain-00002.jsonl": 1}


def test_a_source_is_never_held_in_memory(tmp_path: Path, plugins: Plugins) -> None:
    """A hundred thousand documents pass through; only ids are kept."""
    import tracemalloc

    (tmp_path / "house_stream.py").write_text(
        "from corpora import Document, Source\n"
        "class Stream(Source):\n"
        "    def stamp(self, machine): return 1\n"
        "    def documents(self, machine):\n"
        "        for i in range(3000):\n"
        "            yield Document(id=str(i), text=f'{i} ' * 4000, source='s', licence='mit')\n"
    )
    kind = {"kind": "house_stream:Stream"}
    settings = {"domain": [kind], "general": [kind], "licences": {"allow": ["mit"]}}
    spec = Collection.model_validate(settings, context={"plugins": plugins})
    tracemalloc.start()
    made = collect(spec, out=tmp_path / "raw", machine=Machine(workers=1))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(made.facts["bytes"].values()) > 100e6
    assert most < 10e6


def test_an_own_source(own_kinds: str, plugins: Plugins, tmp_path: Path) -> None:
    kind = {"kind": f"{own_kinds}:Numbers", "count": 20, "name": "numbers"}
    spec = Collection.model_validate(
        {"domain": [kind], "general": [kind], "licences": {"allow": ["mit"]}, "max_unreadable": 0.1},
        context={"plugins": plugins},
    )
    made = collect(spec, out=tmp_path / "raw")
    row = next(read_lines(made.path / "sources.jsonl"))
    assert (row["documents"], row["quarantined"], row["stamp"], row["source"]) == (20, 1, 20, "numbers")
    document = next(read_lines(made.path / "documents" / "domain-00000.jsonl"))
    assert (document["text"], document["date"]) == ("number 0", "2024-01-31")
    assert "/secret" not in (made.path / "quarantine.jsonl").read_text()


def test_a_request_follows_content_and_not_place(tmp_path: Path) -> None:
    def asked(folder: str, text: str) -> str:
        path = tmp_path / folder / "a.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"text": text}) + "\n")
        source = {"kind": "files", "path": str(path), "licence": "mit"}
        spec = Collection.model_validate({"domain": [source], "general": [source], "licences": {"allow": ["mit"]}})
        return collect.request(spec, {})

    assert asked("one", "same") == asked("two", "same")
    assert asked("one", "same") != asked("three", "other")


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("when", ["between stamp and reading", "while it is read"])
@pytest.mark.parametrize("kind", ["files", "hub", "crawl", "packages", "own"])
def test_a_source_that_changes_is_never_known_by_its_old_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_kinds: str, plugins: Plugins, kind: str, when: str
) -> None:
    def change(text: str) -> None:
        (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
        (tmp_path / "a.warc").write_bytes(record(http(page(f"{PROSE} {text}")), "http://a.example/"))
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs/guide.md").write_text(text * 300)
        (tmp_path / "docs.dist-info").mkdir(exist_ok=True)
        (tmp_path / "docs.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: docs\nVersion: {len(text)}\n")
        (tmp_path / "docs.dist-info/RECORD").write_text("docs/guide.md,,\n")
        monkeypatch.setattr(import_module(own_kinds).Numbers, "stamp", lambda self, machine: text)

    source = {
        "files": {"kind": "files", "path": str(tmp_path / "a.jsonl")},
        "hub": {"kind": "hub", "dataset": str(tmp_path / "a.jsonl")},
        "crawl": {"kind": "crawl", "path": str(tmp_path / "a.warc")},
        "packages": {"kind": "packages", "distributions": ["docs"]},
        "own": {"kind": f"{own_kinds}:Numbers", "count": 2},
    }[kind]
    monkeypatch.syspath_prepend(tmp_path)
    change("one")
    asked = {"domain": [source], "general": [source], "licences": {"allow": ["unknown", "mit"]}, "max_unreadable": 0.9}
    spec = Collection.model_validate(asked, context={"plugins": plugins})
    machine = Machine(work=tmp_path / "work", workers=1)
    before = collect.request(spec, {}, machine)
    if when == "while it is read":
        read = type(spec.domain[0]).parts

        def changed(self: Any, machine: Machine, state: Any = None) -> Any:
            for document in read(self, machine, state):
                yield document
                change("others")

        monkeypatch.setattr(type(spec.domain[0]), "parts", changed)
    else:
        change("others")
    with pytest.raises(UserError, match="changed while it was read"):
        collect(spec, out=tmp_path / "raw", machine=machine)
    assert collect.request(spec, {}, machine) != before
    collect(spec, out=tmp_path / "raw", machine=machine)  # nobody writes to it any more
