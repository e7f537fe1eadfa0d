from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from corpora.document import Document, Quarantined
from corpora.sources.files import Files
from domain.errors import Refusal
from domain.machine import Machine
from tests.corpora.web.server import Reply, Web, serving

TEXTS = ["first", "sécond", "third"]
JSONL = "".join(json.dumps({"text": t}) + "\n" for t in TEXTS).encode()


def found(path: Path | str, **settings: Any) -> list[Document | Quarantined]:
    return list(Files(kind="files", path=str(path), **settings).documents(Machine(workers=1)))


def texts(items: list[Document | Quarantined]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def broken(items: list[Document | Quarantined]) -> list[Quarantined]:
    return [item for item in items if isinstance(item, Quarantined)]


def test_bad_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "one"}\n\n{"text": "broken\n[1]\n{"text": 4}\n{"txt": "x"}\n{"text": null}\n'
        b'{"text": "caf\xe9"}\n{"text": "l\\ud800one", "id": "\\udfff"}\r\n{"text": "last"}'
    )
    items = found(path)
    assert texts(items) == ["one", "l\ufffdone", "last"]
    assert [(q.place, q.reason.partition(" (")[0]) for q in broken(items)] == [
        (f"{path}:3", "is no JSON"), (f"{path}:4", "holds list, not an object"),
        (f"{path}:5", "column text holds int, not text"), (f"{path}:6", "column text is not there"),
        (f"{path}:7", "column text is empty"), (f"{path}:8", "is not UTF-8"),
    ]  # fmt: skip
    assert [q.id for q in broken(items)][:2] == ["a/a.jsonl:3", "a/a.jsonl:4"]


def test_columns_are_mapped_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {"body": "t", "meta": {"when": "20240131", "where": "https://x"}, "no": 7, "lang": "de", "rights": "CC0"}
    path.write_text(json.dumps(record) + "\n" + json.dumps({"body": "u", "rights": None}) + "\n" + '{"body": "v"}\n')
    columns = {"text": "body", "date": "meta.when", "url": "meta.where", "id": "no", "language": "lang"}
    one, two, three = found(path, name="press", licence="rights", **columns)
    assert one == Document(
        id="7", text="t", source="press", url="https://x", licence="CC0", date="2024-01-31", language="de"
    )
    assert isinstance(two, Document)
    assert isinstance(three, Document)
    assert two.licence is None  # it has the column, and the column says nothing
    assert three.licence == "rights"
    with pytest.raises(Refusal, match="no column text; the columns are body, meta, no, lang, rights"):
        found(path)


def test_names_do_not_change_when_a_file_joins(tmp_path: Path) -> None:
    for folder in ("2024/q1", "2024/q2"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.md").write_text("text")
    pattern = tmp_path / "**" / "*.md"
    before = {item.id for item in found(pattern)}
    (tmp_path / "2023").mkdir()
    (tmp_path / "2023" / "x.md").write_text("older")
    items = found(pattern)
    assert before < {item.id for item in items}
    assert [item.id.partition("/")[2] for item in items] == ["2023/x.md", "2024/q1/x.md", "2024/q2/x.md"]


@pytest.mark.parametrize(
    ("path", "title"),
    [("d/calls/*.jsonl", "calls"), ("d/reuters-*.jsonl", "reuters"), ("d/a.jsonl.gz", "a"), ("*.txt", "files"),
     ("s3://bucket/*.md", "bucket"), ("d/202?/x.txt", "202")],
)  # fmt: skip
def test_titles(path: str, title: str) -> None:
    assert Files(kind="files", path=path).title == title


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("none.jsonl", "does not exist"), ("none*.jsonl", "matches no file"), ("folder", "is a folder"),
        ("a.doc", "unknown ending"), ("nope://x/a.jsonl", "nope"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(tmp_path: Path, path: str, told: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.doc").write_bytes(b"x")
    source = Files(kind="files", path=path if "://" in path else str(tmp_path / path))
    for ask in (source.stamp, lambda machine: list(source.documents(machine))):
        with pytest.raises(Refusal, match=told):
            ask(Machine())


def test_paths_are_from_the_recipes_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("here")
    source = Files.model_validate({"kind": "files", "path": "a.txt"}, context={"folder": tmp_path})
    assert source.path == str(tmp_path / "a.txt")
    remote = Files.model_validate({"kind": "files", "path": "s3://b/a.txt"}, context={"folder": tmp_path})
    assert remote.path == "s3://b/a.txt"


def test_a_stamp_is_name_size_and_content(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    source = Files(kind="files", path=str(tmp_path / "*.txt"))
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert source.stamp(Machine()) == [{"file": "a.txt", "bytes": 3, "content": digest}]
    (tmp_path / "a.txt").write_bytes(b"abd")
    assert source.stamp(Machine())[0]["content"] != digest


def test_what_the_system_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.local import LocalFileSystem

    path = tmp_path / "a.txt"
    path.write_text("x")

    def refuse(self: Any, name: str, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(LocalFileSystem, "open", refuse)
    with pytest.raises(Refusal, match=r"a\.txt: cannot be read .Permission denied."):
        found(path)


def test_files_behind_a_memory_store_are_read_alike() -> None:
    import fsspec

    with fsspec.open("memory://shop/a.jsonl.gz", "wb") as file:
        file.write(gzip.compress(JSONL))
    source = Files(kind="files", path="memory://shop/*.gz")
    assert texts(list(source.documents(Machine()))) == TEXTS
    (stamp,) = source.stamp(Machine())
    assert stamp["file"] == "a.jsonl.gz"
    assert stamp["content"]


PARAGRAPH = "The bank expects its profit to grow in the coming year. "


def html(word: str) -> bytes:
    head = f'<html lang="de"><head><meta name="date" content="2024-01-31"><title>{word}</title></head>'
    return f"{head}<body><p>{word} {PARAGRAPH * 5}</p></body></html>".encode()


def test_pages_stand_in_the_order_of_the_files(tmp_path: Path) -> None:
    for name, data in (
        ("a.html", html("first")), ("b.jsonl", JSONL), ("c.htm.gz", gzip.compress(html("second"))),
        ("d.pdf", b"no pdf"), ("e.html.gz", gzip.compress(html("cut"))[:-20]), ("f.html", b""),
        ("g.html", html("third")),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
    source = Files(kind="files", path=str(tmp_path / "*"), name="n")
    one, two = (list(source.documents(Machine(workers=workers))) for workers in (1, 2))
    assert one == two
    assert [item.id for item in one] == [
        "n/a.html", "n/b.jsonl:1", "n/b.jsonl:2", "n/b.jsonl:3", "n/c.htm.gz", "n/d.pdf", "n/e.html.gz", "n/f.html",
        "n/g.html",
    ]  # fmt: skip
    first = one[0]
    assert isinstance(first, Document)
    assert (first.date, first.language, first.text.split()[0]) == ("2024-01-31", "de", "first")
    assert [q.reason.partition(" (")[0] for q in broken(one)] == [
        "is no PDF that can be read", "the file is broken from here on",
    ]  # fmt: skip
    assert texts(one)[-2] == ""  # collecting counts it as empty


def archive(path: Path, files: dict[str, bytes]) -> None:
    import io
    import tarfile
    import zipfile

    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in files.items():
                out.writestr(name, data)
        return
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as out:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    if path.suffix == ".zst":
        path.write_bytes(zstd.compress(path.read_bytes()))


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.zst"])
def test_archives_are_read_as_the_files_within(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    files = {"z/b.jsonl": JSONL, "z/c.html": html("page"), "notes.doc": b"?", "a.txt.gz": gzip.compress(b"packed")}
    archive(path, files)
    items = found(path, name="n")
    assert [item.id for item in items] == [
        *(f"n/a.{ending}/z/b.jsonl:{n}" for n in (1, 2, 3)), f"n/a.{ending}/z/c.html", f"n/a.{ending}/notes.doc",
        f"n/a.{ending}/a.txt.gz",
    ]  # fmt: skip
    assert texts(items)[:3] == TEXTS
    assert texts(items)[-1] == "packed"
    assert [q.reason for q in broken(items)] == ["has an unknown ending"]
    data = path.read_bytes()
    for damaged in (data[: len(data) // 3], b"no archive " * 100):
        path.write_bytes(damaged)
        assert "the file is broken from here on" in broken(found(path))[-1].reason


def test_a_file_that_vanishes_midway_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_bytes(JSONL)
    items = []
    for item in Files(kind="files", path=str(tmp_path / "*.jsonl")).documents(Machine(workers=1)):
        items.append(item)
        (tmp_path / "b.jsonl").unlink(missing_ok=True)
    assert texts(items) == TEXTS * 2
    (gone,) = broken(items)
    assert (gone.place, gone.records) == (str(tmp_path / "b.jsonl"), 3)
    assert gone.reason == "was gone when it was to be read"


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
    offline = machine.but(network=False)
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


@pytest.mark.parametrize("path", ["https://files.example/a.jsonl", "https://files.example/*.jsonl", "s3://b/*.jsonl"])
def test_without_a_network_nothing_is_asked(path: str, tmp_path: Path) -> None:
    source = Files(kind="files", path=path)
    for ask in (source.stamp, lambda machine: list(source.documents(machine))):
        with pytest.raises(Refusal, match="the machine profile switches"):
            ask(Machine(network=False, work=tmp_path))


def test_what_is_not_behind_https(web: Web, tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, private_hosts=(web.host,))
    for path, told in (("/none.jsonl", "404"), ("/*/x.jsonl", "wildcard in a folder"), ("/data/", "is a folder")):
        web.pages["/data/"] = Reply(b"")
        with pytest.raises(Refusal, match=told):
            Files(kind="files", path=web.url + path).stamp(machine)
    with pytest.raises(Refusal, match="private"):
        Files(kind="files", path=f"{web.url}/a.jsonl").stamp(Machine(work=tmp_path))
