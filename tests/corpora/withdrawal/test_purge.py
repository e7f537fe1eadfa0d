"""A purge leaves no text, at whatever moment it is killed."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from corpora.ledger.ledger import read_ledger
from corpora.web.rate_limit import file_name
from corpora.withdrawal import purge_caches
from corpora.withdrawal.containment import all_made, holders, made_at
from corpora.withdrawal.purge import purge
from corpora.withdrawal.purge_caches import CHUNK
from domain.artifacts import Artifact
from domain.jsonlines import read_lines, write_lines
from domain.machine import Machine
from domain.manifest import Damaged
from domain.tokens.shards import Shard
from tests.hand_made import WITH_MARKUP

SECRETS = (b"a" * 100, b"c" * 82)


def leftovers(work: Path) -> list[str]:
    return [str(path) for path in work.rglob("*") if path.is_file() and any(s in path.read_bytes() for s in SECRETS)]


def purged(work: Path, *ids: str) -> list[str]:
    return list(purge(holders(all_made(work), ids), set(ids), Machine(work=work)))


@pytest.fixture
def work(hand_made: Any, tmp_path: Path) -> Path:
    """A work folder with unfinished work, caches and a data sheet that hold the texts of a and c."""
    work = tmp_path / "work"
    hand_made(work)
    for folder in (work / "building" / "curate-0123", work / "artifacts" / "curate" / "damaged"):
        folder.mkdir(parents=True)
        (folder / "clean.jsonl").write_bytes(SECRETS[0])
    (work / "building" / "pretrain-0123").mkdir()
    for name, ids in (("one", ["a", "b"]), ("two", ["b"])):
        folder = work / "cache" / "curate" / name
        folder.mkdir(parents=True)
        (folder / "states.jsonl").write_text("".join(json.dumps({"id": one}) + "\n" for one in ids))
        (folder / "clean.jsonl").write_bytes(SECRETS[0] if name == "one" else b"else")
    return work


def test_what_sources_keep_is_told_by_name_address_and_content(tmp_path: Path) -> None:
    url, name = "https://example.org/news/page?id=7", "0000320193-24-000123"
    warc, other = b"WARC-Target-URI: " + url.encode() + b"\r\n\r\nsecret", b"WARC-Target-URI: https://example.org\r\n"
    files = {
        f"edgar/filings/0000320193/{name}.zst": b"by its name",
        "crawl/records/ab/abcd.warc.gz": gzip.compress(b"x" * (CHUNK - 30)) + gzip.compress(warc),
        "crawl/records/ab/zstd.warc": zstd.compress(warc),
        f"files/{file_name(url)}/page": b"by its address",
        f"feed/pages/ab/{hashlib.sha256(url.encode()).hexdigest()[:32]}.page": b"by its address too",
        "crawl/records/ab/torn.warc.gz": gzip.compress(warc)[:-12],
        "crawl/records/ab/sealed.warc": b'{"sha256": "0"}\n' + gzip.compress(warc),
        "crawl/index/example.org/00000.jsonl": b'{"sha256": "0"}\n' + url.encode(),
        "files/0/a.jsonl": b'{"url": "' + url.encode() + b'"}\n',
    }
    stay = {
        "edgar/filings/0000320193/0000320193-24-000124.zst": zstd.compress(b"another"),
        "crawl/records/ab/other.warc.gz": gzip.compress(other),
        "crawl/records/ab/another.warc": b'{"sha256": "0"}\n' + gzip.compress(other),
        "robots/example.org": url.encode(),
        "feed/pages/cd/another.page": url.encode(),  # a page that only links to it, and may be gone from its site
        "feed/one/entries.jsonl": b"",
    }
    for place, content in (files | stay).items():
        path = tmp_path / "cache" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    paths = purge_caches.holding(tmp_path / "cache", {f"{name}#7"}, {url})
    assert {path.relative_to(tmp_path / "cache").as_posix() for path in paths} == files.keys()
    (tmp_path / "raw" / "documents").mkdir(parents=True)
    rows = [{"id": f"{name}#7", "url": url, "text": ""}, {"id": "x", "url": "https://else.org", "text": name}]
    write_lines(tmp_path / "raw" / "documents" / "domain-00000.jsonl", rows)
    assert purge_caches.known_by([tmp_path / "raw"], {f"{name}#7"}) == ({url}, set())


ROWS = [
    {"id": "x", "text": "all of these words were withdrawn later"},
    {"id": "y", "text": "some other words stay here"},
]
CSV = "id,text\nx,all of these words were withdrawn later\n"


@pytest.mark.parametrize(
    ("content", "goes"),
    [
        (json.dumps(ROWS[0]).encode(), True),
        (json.dumps(ROWS[1]).encode(), False),
        (CSV.encode(), True),
        (gzip.compress(CSV.encode()), True),
        (gzip.compress(b"x" * (CHUNK - 30) + CSV.encode()), True),
        (zstd.compress(b"x" * 100 + CSV.encode()), True),
        (zstd.compress(b"nothing of the kind"), False),
        (b"PAR1 nobody looks into it", True),
        (b"PK\x03\x04 nor into this", True),
        (b"", False),
    ],
)
def test_a_cached_file_goes_with_a_document_in_it_or_if_nobody_can_tell(
    tmp_path: Path, content: bytes, goes: bool
) -> None:
    path = tmp_path / "cache" / "files" / "host" / "calls"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (tmp_path / "raw" / "documents").mkdir(parents=True)
    write_lines(tmp_path / "raw" / "documents" / "domain-00000.jsonl", [{**row, "url": None} for row in ROWS])
    urls, passages = purge_caches.known_by([tmp_path / "raw"], {"x"})
    assert (urls, passages) == (set(), {b"all of these words were withdrawn later", b"all of these words were withdr"})
    assert list(purge_caches.holding(tmp_path / "cache", {"x"}, urls, passages)) == ([path] if goes else [])


def test_a_text_without_ascii_is_known_by_how_it_begins() -> None:
    assert list(purge_caches.passages("\u5bb6\u8cc3\nmore")) == ["\u5bb6\u8cc3".encode(), b"\\u5bb6\\u8cc3"]
    assert list(purge_caches.passages("")) == []
    assert list(purge_caches.passages("one two three, four five six seven; a, b. eight nine ten")) == [
        b"four five six seven", b"eight nine ten", b"one two three",
    ]  # fmt: skip


def test_what_a_filter_of_ones_own_said_of_a_document_is_deleted(work: Path, tmp_path: Path) -> None:
    """A ledger may quote what did not stay: the detail of an error, or of a team's own filter."""
    ledger = work / "artifacts" / "curate" / "curate0000000000" / "ledger.parquet"
    details = {(row["id"], row["stage"]): row["detail"] for row in read_ledger(ledger)}
    assert details[WITH_MARKUP, "house:tags"].startswith("<b>said</b>")
    assert details["g4", "harm"] == "it died"
    names = [WITH_MARKUP, "g4", "b", "c"]
    assert "curate" in {made.manifest["stage"] for made, _ in holders(all_made(work), [WITH_MARKUP])}
    assert "curate" in {made.manifest["stage"] for made, _ in holders(all_made(work), ["g4"])}
    assert {made.manifest["stage"] for made, _ in holders(all_made(work), ["b"])} == {"collect"}
    purged(work, *names)
    after = {(row["id"], row["stage"]): row["detail"] for row in read_ledger(ledger)}
    quoting = {(WITH_MARKUP, "house:tags"), ("g4", "harm")}
    assert after == {key: "" if key in quoting else detail for key, detail in details.items()}
    before = ledger.read_bytes()
    purged(work, *names)
    assert ledger.read_bytes() == before


def test_copies_of_a_data_sheet_go_with_it(work: Path) -> None:
    for place in ("reports/notes/2026-01-02-0123abcd", "mlartifacts/0123/artifacts"):
        (work / place).mkdir(parents=True)
        for name in ("datasheet.html", "scorecard.html"):
            (work / place / name).write_bytes(SECRETS[0] if name == "datasheet.html" else b"a page")
    purged(work, "a", "c", "g2")
    assert leftovers(work) == []
    assert len(list(work.rglob("scorecard.html"))) == 2


def test_what_a_feed_said_is_deleted_and_the_rest_is_remembered(work: Path) -> None:
    log = work / "cache" / "feed" / "bank" / "entries.jsonl"
    log.parent.mkdir(parents=True)
    entries = [{"url": f"https://example.org/{name}", "link": "", "html": f"<p>{name}"} for name in ("a", "b")]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"url": "cut sh')
    purged(work, "a")
    assert [entry["html"] for entry in read_lines(log)] == ["", "<p>b"]
    before = log.read_bytes()
    purged(work, "a")
    assert log.read_bytes() == before


def check_purged(work: Path) -> None:
    """No text is left; what was changed is not whole; what has read it is marked and whole."""
    assert leftovers(work) == []
    for stage in ("collect", "curate", "encode"):
        folder = work / "artifacts" / stage / stage.ljust(16, "0")
        with pytest.raises(Damaged):
            Artifact.open(folder)
        assert json.loads((folder / "purged.json").read_bytes())["purged"] == ["a", "c"]
    for stage in ("tokenizer", "pretrain", "release"):
        folder = work / "artifacts" / stage / stage.ljust(16, "0")
        Artifact.open(folder)
        mark = folder.with_name(f"{folder.name}.purged.json")
        assert json.loads(mark.read_bytes()) == {"has_read": ["a", "c"]}
    for stage in ("base", "control"):  # general text only
        assert not list((work / "artifacts" / stage).glob("*.purged.json"))
    shard = Shard(work / "artifacts" / "encode" / "encode0000000000" / "train" / "domain-00000")
    assert shard.document(0).tolist() == [0] * 4
    assert shard.document(1).tolist() == [0] * 5
    other = Shard(work / "artifacts" / "encode" / "encode0000000000" / "train" / "general-00000")
    assert other.document(0).tolist() == [7] * 6
    lines = list(read_lines(work / "artifacts" / "curate" / "curate0000000000" / "train" / "domain-00000.jsonl"))
    assert [(line["id"], line["text"]) for line in lines] == [("a", ""), ("c", "")]
    texts = [line["text"] for line in read_lines(
        work / "artifacts" / "collect" / "collect000000000" / "documents" / "domain-00000.jsonl")]  # fmt: skip
    assert texts[0] == texts[2] == ""
    assert texts[3] == "d" * 90
    assert sorted(path.name for path in (work / "cache" / "curate").iterdir()) == ["two"]
    assert sorted(path.name for path in (work / "building").iterdir()) == ["pretrain-0123"]


def test_a_purge_leaves_no_text(work: Path) -> None:
    # g2 has a's text: the command adds such ids to those that it was given.
    lines = purged(work, "a", "c", "g2")
    assert sum("its text deleted" in line for line in lines) == 2
    folder = work / "artifacts" / "collect" / "collect000000000"
    assert json.loads((folder / "purged.json").read_bytes())["purged"] == ["a", "c", "g2"]
    assert leftovers(work) == []


def test_a_second_purge_finds_the_right_place(work: Path) -> None:
    purged(work, "a", "g2")
    purged(work, "c")
    for stage in ("collect",):
        path = work / "artifacts" / stage / stage.ljust(16, "0") / "purged.json"
        content = json.loads(path.read_bytes())
        path.write_text(json.dumps({**content, "purged": [name for name in content["purged"] if name != "g2"]}))
    check_purged(work)
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    purged(work, "a", "c")
    purged(work, "a", "c")
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}.keys() == before.keys()
    assert leftovers(work) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(32))
def test_a_purge_that_was_killed_is_finished_by_the_next(
    work: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    left = moment

    def fragile(real: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return real(*given, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("os.replace", "os.fsync", "os.unlink", "shutil.rmtree", "pathlib.Path.unlink"):
            module, _, function = name.rpartition(".")
            home = __import__(module.partition(".")[0])
            owner = home.Path if function == "unlink" and "pathlib" in name else home
            patch.setattr(owner, function, fragile(getattr(owner, function)))
        try:
            purged(work, "a", "c", "g2")
        except Killed:
            pass
        else:
            assert moment > 15  # it was not cut short: there are fewer moments than were tried
    purged(work, "a", "c", "g2")
    assert leftovers(work) == []
    for stage in ("collect", "curate", "encode"):
        made = made_at(work / "artifacts" / stage / stage.ljust(16, "0"))
        assert made is not None
        assert made.purged


def test_messages_that_quote_a_document_are_removed(work: Path) -> None:
    text = SECRETS[0].decode()
    (work / "runs").mkdir()
    (work / "prefect" / "storage").mkdir(parents=True)
    record = {"stages": [{"error": f"RuntimeError: {text}", "seconds": 1.5}, {"error": None}], "name": "notes"}
    (work / "runs" / "notes.json").write_text(json.dumps(record))
    (work / "runs" / "damaged.json").write_text("{")
    (work / "prefect" / "prefect.db").write_bytes(b"SQLite format 3\0" + SECRETS[0])
    (work / "prefect" / "storage" / "result").write_bytes(b"x")
    lines = purged(work, "a", "c", "g2")
    assert leftovers(work) == []
    stages = [{"error": "(removed: it quoted a document that was purged)", "seconds": 1.5}, {"error": None}]
    assert json.loads((work / "runs" / "notes.json").read_bytes()) == {**record, "stages": stages}
    assert list((work / "prefect").iterdir()) == []
    assert any("history of runs" in line for line in lines)
    (work / "prefect" / "prefect.db").write_bytes(b"of other runs")
    purged(work, "e")
    assert (work / "prefect" / "prefect.db").exists()
