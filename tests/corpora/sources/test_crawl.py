"""Crawled pages from WARC and WET files, real and broken, and from a replayed index of Common Crawl."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.document import Document, Quarantined
from corpora.sources.crawl import Crawl
from domain.errors import Refusal
from domain.machine import Machine
from tests.corpora.web.server import Asked, Reply, Web, serving

PROSE = " ".join(f"The committee reviewed figure {n} and judged that demand had grown." for n in range(30))


def page(text: str = PROSE, head: str = "") -> bytes:
    return (
        f"<html><head><title>Minutes</title>{head}</head><body><article><p>{text}</p></article></body></html>".encode()
    )


def http(body: bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


def record(block: bytes, url: str, kind: str = "response", more: str = "", day: str = "2024-02-21") -> bytes:
    media = "application/http; msgtype=response" if kind == "response" else "text/plain"
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {day}T10:00:00Z\r\n{more}"
    return f"{head}Content-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def packed(*records: bytes) -> bytes:
    return b"".join(gzip.compress(each, mtime=0) for each in records)


Read = Callable[..., list[Document | Quarantined]]


@pytest.fixture
def read(tmp_path: Path, in_process: None) -> Read:
    """``read(bytes, **settings)``: what a file of these bytes gives."""

    def make(content: bytes, name: str = "a.warc.gz", **settings: Any) -> list[Document | Quarantined]:
        (tmp_path / name).write_bytes(content)
        spec = Crawl(**{"path": str(tmp_path / name), "licence": "unknown", **settings})
        return list(spec.documents(Machine(workers=1, work=tmp_path / "work")))

    return make


def urls(found: list[Document | Quarantined]) -> list[str | None]:
    return [each.url for each in found if isinstance(each, Document)]


def reasons(found: list[Document | Quarantined]) -> list[str]:
    return [each.reason for each in found if isinstance(each, Quarantined)]


def test_a_page_becomes_a_document(read: Read) -> None:
    dated = '<meta property="article:published_time" content="2023-05-06T10:00:00Z">'
    bare = page(head=dated).replace(b"<html>", b'<html lang="en-GB">')
    (found,) = read(packed(record(http(bare), "<http://a.example/x>")), name="desk-00.warc.gz")
    assert isinstance(found, Document)
    assert found.text.count("The committee reviewed") == 30
    assert (found.id, found.url, found.date, found.language) == ("http://a.example/x",) * 2 + ("2023-05-06", "en")
    assert (found.source, found.licence) == ("desk-00", "unknown")


def test_the_day_of_the_crawl_counts_where_the_page_has_none_or_a_later_one(read: Read) -> None:
    later = '<meta property="article:published_time" content="2031-05-06">'
    found = read(packed(*(record(http(page(head=h)), f"http://a.example/{n}") for n, h in enumerate(("", later)))))
    assert [each.date for each in found if isinstance(each, Document)] == ["2024-02-21", "2024-02-21"]


def test_what_is_no_page_is_passed_over(read: Read) -> None:
    records = [
        record(b"software: x\r\n", "", kind="warcinfo"),
        record(b"GET / HTTP/1.1\r\n\r\n", "http://a.example/", kind="request"),
        record(http(page(), status="404 Not Found"), "http://a.example/gone"),
        record(http(b"\x89PNG", kind="image/png"), "http://a.example/x.png"),
        record(http(b"plain " + PROSE.encode(), kind="text/plain"), "http://a.example/x.txt"),
        record(http(page()), "dns:a.example"),
        record(http(page()), "http://a.example/page"),
    ]
    found = read(packed(*records))
    assert urls(found) == ["http://a.example/x.txt", "http://a.example/page"]
    assert found[0].text.startswith("plain The committee")  # type: ignore[union-attr]


def test_wet_texts_are_taken_as_they_are(read: Read) -> None:
    stated = "WARC-Identified-Content-Language: {}\r\n"
    records = [
        record(f"Zins über {n}".encode(), f"http://a.example/{n}", kind="conversion", more=stated.format(code))
        for n, code in enumerate(("deu,eng", "eng", "kor"))
    ] + [record(b"no language", "http://a.example/3", kind="conversion")]
    found = read(packed(*records), languages=["de", "kor"])
    assert urls(found) == [f"http://a.example/{n}" for n in (0, 2, 3)]
    assert [each.language for each in found if isinstance(each, Document)] == ["de", "ko", None]
    assert found[0].text == "Zins über 0"  # type: ignore[union-attr]


def test_domains_and_patterns(read: Read) -> None:
    names = ["bank.example/speech/1", "www.bank.example/speech/2", "notbank.example/speech/3", "bank.example/jobs"]
    content = packed(*(record(http(page()), f"https://{name}") for name in names))
    assert urls(read(content, domains=["bank.example"], urls=["/speech/"])) == [f"https://{n}" for n in names[:2]]
    assert urls(read(content, urls=[r"/jobs$", r"/3$"])) == [f"https://{n}" for n in names[2:]]


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("Content-Encoding: gzip\r\n", gzip.compress(page())),
        ("Content-Encoding: gzip\r\n", page()),  # the crawler has undone it and left the header
        ("Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(page()), page())),
        ("Transfer-Encoding: chunked\r\n", page()),
    ],
)
def test_encodings_of_a_response(read: Read, more: str, body: bytes) -> None:
    (found,) = read(packed(record(http(body, more=more), "http://a.example/")))
    assert isinstance(found, Document)
    assert found.text.count("The committee reviewed") == 30


GOOD = [record(http(page(f"{PROSE} Number {n}.")), f"http://a.example/{n}") for n in range(5)]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (http(b"5\r\nhello\r\nzz\r\n", more="Transfer-Encoding: chunked\r\n"), "is no readable HTTP response"),
        (http(b"ff\r\nhello\r\n", more="Transfer-Encoding: chunked\r\n"), "is no readable HTTP response"),
        (http(gzip.compress(page())[:-20], more="Content-Encoding: gzip\r\n"), "is damaged"),
        (http(b"x", more="Content-Encoding: rot13\r\n"), "not asked for"),
        (http(gzip.compress(bytes(101_000_000)), more="Content-Encoding: gzip\r\n"), "is larger than 100 MB"),
        (b"no response", "is no HTTP response"),
    ],
)
def test_a_broken_record_is_quarantined_and_the_rest_read(read: Read, block: bytes, reason: str) -> None:
    found = read(packed(*GOOD[:2], record(block, "http://a.example/bad"), *GOOD[2:]))
    assert urls(found) == [f"http://a.example/{n}" for n in range(5)]
    assert [reason in each for each in reasons(found)] == [True]


def test_a_digest_that_does_not_hold(read: Read) -> None:
    wrong = "WARC-Block-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
    found = read(packed(GOOD[0], record(http(page()), "http://a.example/x", more=wrong), GOOD[1]))
    assert len(urls(found)) == 2
    assert reasons(found) == ["is not what its WARC-Block-Digest says"]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("damage", ["head", "inside", "between", "before"])
def test_reading_goes_on_behind_a_damage(read: Read, compress: bool, damage: str) -> None:
    parts = [gzip.compress(each) for each in GOOD] if compress else list(GOOD)
    if damage == "head":
        parts[2] = b"\x00" * 12 + parts[2][12:]
    elif damage == "inside":
        # Inside a member that is compressed: its data; inside one that is not: its length, so that nothing fits.
        parts[2] = parts[2][:60] + b"\xff" * 20 + parts[2][80:] if compress else parts[2].replace(b"Content-L", b"L", 1)
    elif damage == "between":
        parts[2] += b"garbage\n" * 30
    else:
        parts[0] = b"garbage\n" * 30 + parts[0]
    found = read(b"".join(parts), name="a.warc.gz" if compress else "a.warc")
    lost = {"head": [2], "inside": [2], "between": [], "before": []}[damage]
    assert urls(found) == [f"http://a.example/{n}" for n in range(5) if n not in lost]
    assert len(reasons(found)) == 1


def test_a_file_that_breaks_off(read: Read) -> None:
    whole = packed(*GOOD)
    found = read(whole[: len(packed(*GOOD[:4])) + 200])
    assert len(urls(found)) == 4
    assert len(reasons(found)) == 1
    assert "breaks off after" in reasons(found)[0]


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"<html>no archive</html>", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive(read: Read, content: bytes) -> None:
    (found,) = read(content)
    assert isinstance(found, Quarantined)
    assert found.id == "a/a.warc.gz@0"


def test_a_glob_by_name_and_its_stamp(in_process: None, tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.warc.gz").write_bytes(packed(record(http(page()), f"http://{name}.example/")))
    spec = Crawl(path=str(tmp_path / "*.warc.gz"), name="crawl")
    assert urls(list(spec.documents(Machine(workers=1)))) == ["http://a.example/", "http://b.example/"]
    stamp = spec.stamp(Machine())
    assert [each["file"] for each in stamp] == ["a.warc.gz", "b.warc.gz"]
    assert str(tmp_path) not in json.dumps(stamp)
    (tmp_path / "a.warc.gz").write_bytes(b"other")
    assert spec.stamp(Machine()) != stamp


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is no file"):
        Crawl(path=str(tmp_path / "*.warc.gz")).stamp(Machine())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either path or index"),
        ({"path": "a", "index": "CC-MAIN-2024-10", "domains": ["a.example"]}, "either path or index"),
        ({"index": "CC-MAIN-2024-10"}, "name the domains"),
        ({"index": "latest", "domains": ["a.example"]}, "pattern"),
        ({"path": "a", "domains": ["https://a.example/"]}, "is no domain"),
        ({"path": "a", "urls": ["("]}, "is no regular expression"),
        ({"path": "a", "urls": ["a" * 501]}, "longer than 500"),
        ({"path": "a", "languages": ["English"]}, "is no language code"),
    ],
)
def test_what_is_refused_in_a_recipe(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Crawl(**settings)


# Behind a URL


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def test_a_file_behind_a_url_is_fetched_once(web: Web, in_process: None, tmp_path: Path) -> None:
    web.pages["/x/c.warc.gz"] = Reply(packed(*GOOD), etag='"1"')
    machine = Machine(workers=1, work=tmp_path, private_hosts=(web.host,))
    spec = Crawl(path=f"{web.url}/x/c.warc.gz")
    stamp = spec.stamp(machine)
    assert stamp == [{"file": "c.warc.gz", "bytes": len(packed(*GOOD)), "content": '"1"'}]
    assert len(urls(list(spec.documents(machine)))) == len(urls(list(spec.documents(machine)))) == 5
    assert [each.headers.get("range") for each in web.asked].count(None) == 1
    offline = machine.but(network=False)
    assert spec.stamp(offline) == stamp
    assert len(urls(list(spec.documents(offline)))) == 5
    web.pages["/x/c.warc.gz"] = Reply(packed(*GOOD[:2]), etag='"2"')
    assert spec.stamp(machine) != stamp
    assert len(urls(list(spec.documents(machine)))) == 2


def test_a_url_that_is_not_there_or_was_never_fetched(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    with pytest.raises(Refusal, match="answers 404"):
        Crawl(path=f"{web.url}/c.warc.gz").stamp(machine)
    with pytest.raises(Refusal, match="never fetched"):
        Crawl(path=f"{web.url}/c.warc.gz").stamp(machine.but(network=False))


# Common Crawl


@pytest.fixture
def common_crawl(web: Web, in_process: None, monkeypatch: pytest.MonkeyPatch) -> Web:
    """index.commoncrawl.org and data.commoncrawl.org with one file of five records."""
    monkeypatch.setattr("corpora.web.pace.MARGIN", 0.01)
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
    assert list(spec.documents(machine.but(network=False))) == found


def test_what_was_fetched_before_a_kill_stays(common_crawl: Web, tmp_path: Path) -> None:
    machine = mirrored(common_crawl, tmp_path)
    spec = Crawl(index="CC-MAIN-2024-10", domains=["a.example"])
    begun = spec.finds(machine)
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


# Real data


@pytest.fixture
def warcs(tmp_path: Path) -> Path:
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    with tarfile.open(Path(origin) / "warc" / "warcio_testdata.tar.xz") as tar:
        tar.extractall(tmp_path / "warcio", filter="data")
    return Path(origin) / "warc"


def test_a_real_crawl(warcs: Path) -> None:
    spec = Crawl(path=str(warcs / "sample-0000.warc.gz"))
    found = list(spec.documents(Machine(workers=2)))
    assert len(found) == 22
    assert all(isinstance(each, Document) for each in found)
    assert list(spec.documents(Machine(workers=1))) == found
    assert sum(len(each.text) > 100 for each in found if isinstance(each, Document)) >= 20


@pytest.mark.parametrize(
    ("name", "pages", "broken"),
    [
        ("example.warc.gz", 1, 0),
        ("example.warc", 1, 0),
        ("example-bad-non-chunked.warc.gz", 1, 0),
        ("example-bad.warc.gz.bad", 1, 0),
        ("example-iana.org-chunked.warc", 1, 0),
        ("example-resource.warc.gz", 1, 0),
        ("example-trunc.warc", 0, 1),
        ("example-wget-bad-target-uri.warc.gz", 1, 0),
        ("example-wrong-chunks.warc.gz", 0, 1),  # edited by hand: its digest does not hold
        ("example.arc.gz", 0, 1),
        ("post-test.warc.gz", 0, 0),
    ],
)
def test_malformed_archives(warcs: Path, in_process: None, tmp_path: Path, name: str, pages: int, broken: int) -> None:
    (path,) = (tmp_path / "warcio").rglob(name)
    found = list(Crawl(path=str(path)).documents(Machine(workers=1)))
    assert (len(urls(found)), len(reasons(found))) == (pages, broken)
