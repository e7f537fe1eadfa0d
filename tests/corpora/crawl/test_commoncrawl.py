"""Pages by a replayed index of Common Crawl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpora.document import Document, Quarantined
from corpora.sources.crawl import Crawl
from domain.machine import Machine
from tests.corpora.crawl.warcs import GOOD, packed, urls
from tests.corpora.web.server import Asked, Reply, Web

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def common_crawl(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """index.commoncrawl.org and data.commoncrawl.org with one file of five records."""
    monkeypatch.setattr("corpora.web.rate_limit.MARGIN", 0.01)
    filename = "crawl-data/CC-MAIN-2024-10/segments/1/warc/CC-MAIN-0.warc.gz"
    members = [packed(each) for each in GOOD]
    web.pages[f"/data/{filename}"] = Reply(b"".join(members), etag='"x"')
    lines, offset = [], 0
    for number, member in enumerate(members):
        row = {"urlkey": f"example,a)/{number}", "timestamp": f"2024022110000{number}", "digest": f"D{number}"}
        row |= {"url": f"http://a.example/{number}", "mime": "text/html", "mime-detected": "text/html", "status": "200"}
        row |= {"length": str(len(member)), "offset": str(offset), "filename": filename, "languages": "eng"}
        lines.append(row)
        offset += len(member)
    lines.append({**lines[0], "timestamp": "20240101000000", "offset": "7"})  # an earlier capture of the same URL
    lines.append({**lines[1], "url": "http://a.example/moved", "status": "301"})
    lines.append({**lines[1], "url": "http://a.example/image", "mime-detected": "image/png"})
    lines.append({**lines[1], "url": "http://a.example/away", "filename": "../../secret"})
    lines[4]["languages"] = "deu,eng"

    def index(asked: Asked) -> Reply:
        if "a.example" not in asked.path:
            return Reply(b'{"message": "No Captures found"}', status=404)
        if "showNumPages" in asked.path:
            return Reply(b'{"pages": 2, "pageSize": 5, "blocks": 6}')
        part = lines[:3] if "page=0" in asked.path else lines[3:]
        return Reply("".join(json.dumps(row) + "\n" for row in part).encode() + b"broken line\n")

    web.pages["/index/CC-MAIN-2024-10-index"] = index
    return web


def mirrored(web: Web, folder: Path) -> Machine:
    mirrors = {
        "https://index.commoncrawl.org/": f"{web.url}/index/",
        "https://data.commoncrawl.org/": f"{web.url}/data/",
    }
    return Machine(workers=1, work=folder, private_hosts=(web.host,), mirrors=mirrors)


def test_pages_by_index(common_crawl: Web, tmp_path: Path) -> None:
    machine = mirrored(common_crawl, tmp_path)
    spec = Crawl(index="CC-MAIN-2024-10", domains=["a.example", "empty.example"], languages=["en"])
    stamp = spec.stamp(machine)
    assert stamp["pages"] == 4
    found = list(spec.documents(machine))
    assert urls(found) == [f"http://a.example/{n}" for n in range(4)]
    assert {(each.date, each.language, each.source) for each in found if isinstance(each, Document)} == {
        ("2024-02-21", "en", "CC-MAIN-2024-10")
    }
    ranges = [each.headers["range"] for each in common_crawl.asked if each.path.startswith("/data")]
    assert ranges[0] == f"bytes=0-{len(packed(GOOD[0])) - 1}"
    asked = len(common_crawl.asked)
    assert list(spec.documents(machine)) == found
    assert spec.stamp(machine) == stamp
    assert len(common_crawl.asked) == asked  # nothing is asked for twice
    assert list(spec.documents(machine.replace(network=False))) == found


def test_what_was_fetched_before_a_kill_stays(common_crawl: Web, tmp_path: Path) -> None:
    machine = mirrored(common_crawl, tmp_path)
    spec = Crawl(index="CC-MAIN-2024-10", domains=["a.example"])
    begun = spec.items(machine)
    next(begun), next(begun)
    begun.close()  # type: ignore[attr-defined]
    assert len(urls(list(spec.documents(machine)))) == 5
    ranges = [each.headers["range"] for each in common_crawl.asked if each.path.startswith("/data")]
    assert len(ranges) == len(set(ranges)) == 5


def test_records_that_do_not_come(common_crawl: Web, tmp_path: Path) -> None:
    machine = mirrored(common_crawl, tmp_path)
    spec = Crawl(index="CC-MAIN-2024-10", domains=["a.example"])
    spec.stamp(machine)
    for path in [each for each in common_crawl.pages if each.startswith("/data")]:
        common_crawl.pages[path] = Reply(status=403)
    found = list(spec.documents(machine))
    assert [each.id for each in found] == [f"http://a.example/{n}" for n in range(5)]
    assert all(isinstance(each, Quarantined) and "answers 403" in each.reason for each in found)


@pytest.mark.parametrize("name", ["pages.json", "00000.jsonl", "00001.jsonl", "*.warc"])
@pytest.mark.parametrize("how", ["a byte", "cut", "empty", "more"])
def test_what_is_not_as_it_came_is_fetched_again(common_crawl: Web, tmp_path: Path, name: str, how: str) -> None:
    machine = mirrored(common_crawl, tmp_path)
    spec = Crawl(index="CC-MAIN-2024-10", domains=["a.example"])
    first, stamp = list(spec.documents(machine)), spec.stamp(machine)
    asked = len(common_crawl.asked)
    path = min(machine.cache.rglob(name))
    data = path.read_bytes()
    at = data.index(b"\n") + (len(data) - data.index(b"\n")) // 2
    byte = bytes([data[at] ^ 1])
    path.write_bytes(
        {"a byte": data[:at] + byte + data[at + 1 :], "cut": data[:at], "empty": b"", "more": data + b" "}[how]
    )
    offline = list(spec.documents(machine.replace(network=False))) if name == "*.warc" else []
    assert len(offline) == (4 if name == "*.warc" else 0)  # nothing of what was changed is believed
    assert (list(spec.documents(machine)), spec.stamp(machine)) == (first, stamp)
    assert len(common_crawl.asked) == asked + 1
    assert path.read_bytes() == data
