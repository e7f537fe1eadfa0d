"""Files behind https and in stores."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, TEXTS, broken, texts
from tests.corpora.web.server import Reply, Web, serving


def test_files_behind_a_memory_store_are_read_alike() -> None:
    import fsspec

    with fsspec.open("memory://shop/a.jsonl.gz", "wb") as file:
        file.write(gzip.compress(JSONL))
    source = Files(kind="files", path="memory://shop/*.gz")
    assert texts(list(source.documents(Machine()))) == TEXTS
    (stamp,) = source.stamp(Machine())
    assert stamp["file"] == "a.jsonl.gz"
    assert stamp["content"]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with serving() as site:
        yield site


def test_files_behind_https_are_kept_and_asked_for_again_only_if_they_changed(web: Web, tmp_path: Path) -> None:
    links = b'<a href="b.jsonl">b</a> <a href="./a.jsonl">a</a> <a href="/other/c.jsonl">c</a> <a href="x.doc">x</a>'
    web.pages["/data/"] = Reply(links)
    web.pages["/data/a.jsonl"] = Reply(JSONL, etag='"one"')
    web.pages["/data/b.jsonl"] = Reply(JSONL, etag='"two"')
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    source = Files(kind="files", path=f"{web.url}/data/*.jsonl", name="n")
    assert source.stamp(machine) == [
        {"file": "a.jsonl", "bytes": len(JSONL), "content": '"one"'},
        {"file": "b.jsonl", "bytes": len(JSONL), "content": '"two"'},
    ]
    assert [item.id for item in source.documents(machine)] == [f"n/{f}.jsonl:{n}" for f in "ab" for n in (1, 2, 3)]
    web.pages["/data/b.jsonl"] = Reply(b'{"text": "new"}\n', etag='"three"')
    assert texts(list(source.documents(machine))) == [*TEXTS, "new"]
    one = Files(kind="files", path=f"{web.url}/data/a.jsonl", name="n")
    offline = machine.replace(network=False)
    assert texts(list(one.documents(offline))) == TEXTS  # it is here
    assert one.stamp(offline) == one.stamp(machine)


def test_a_remote_file_that_vanishes_midway(web: Web, tmp_path: Path) -> None:
    web.pages["/"] = Reply(b'<a href="a.jsonl"></a><a href="b.jsonl"></a><a href="c.jsonl"></a>')
    for name in "ac":
        web.pages[f"/{name}.jsonl"] = Reply(JSONL, etag='"x"')
    machine = Machine(work=tmp_path, private_hosts=(web.host,), workers=1)
    items = list(Files(kind="files", path=f"{web.url}/*.jsonl").documents(machine))
    assert texts(items) == TEXTS * 2
    assert [(q.reason.partition(" (")[0], q.records) for q in broken(items)] == [("was gone when it was to be read", 3)]


@pytest.mark.parametrize(
    "path", ["https://files.example/a.jsonl", "https://files.example/*.jsonl", "s3://b/*.jsonl", "gs://b/a.jsonl"]
)
def test_without_a_network_nothing_is_asked(path: str, tmp_path: Path) -> None:
    source = Files(kind="files", path=path)
    for ask in (source.stamp, lambda machine: list(source.documents(machine))):
        with pytest.raises(UserError, match="the machine profile switches"):
            ask(Machine(network=False, work=tmp_path))


@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("path", ["zip://a.jsonl::{}/x.zip", "simplecache::{}/a.jsonl", "file:///x::{}/a.jsonl"])
def test_a_chain_of_urls_is_refused(web: Web, tmp_path: Path, path: str, network: bool) -> None:
    machine = Machine(work=tmp_path, network=network)
    with pytest.raises(UserError, match="is a chain of URLs"):
        Files(kind="files", path=path.format(web.url)).stamp(machine)
    assert not web.asked


def test_what_is_not_behind_https(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    for path, told in (("/none.jsonl", "404"), ("/*/x.jsonl", "wildcard in a folder"), ("/data/", "is a folder")):
        web.pages["/data/"] = Reply(b"")
        with pytest.raises(UserError, match=told):
            Files(kind="files", path=web.url + path).stamp(machine)
    with pytest.raises(UserError, match="private"):
        Files(kind="files", path=f"{web.url}/a.jsonl").stamp(Machine(work=tmp_path))


def test_a_folders_page_is_read_up_to_a_bound(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.files.remote.LARGEST_PAGE_OF_LINKS", 1_000)
    web.pages["/data/"] = Reply(b'<a href="a.jsonl">' + bytes(2_000))
    with pytest.raises(UserError, match="holds 2,018 bytes, more than 1,000"):
        Files(kind="files", path=f"{web.url}/data/*.jsonl").stamp(Machine(work=tmp_path, private_hosts=(web.host,)))


@pytest.mark.parametrize("piece", [b"<a ", b"<a href='", b"<a href=" + b" " * 500, b"<a " + b"x" * 3_000])
def test_a_hostile_page_of_links_takes_no_time(web: Web, tmp_path: Path, piece: bytes) -> None:
    web.pages["/data/"] = Reply((piece * (5_000_000 // len(piece))) + b'<a href="a.jsonl">')
    web.pages["/data/a.jsonl"] = Reply(JSONL)
    begin = time.process_time()
    stamp = Files(kind="files", path=f"{web.url}/data/*.jsonl").stamp(Machine(work=tmp_path, private_hosts=(web.host,)))
    assert time.process_time() - begin < 5
    assert [entry["file"] for entry in stamp] == ["a.jsonl"]
