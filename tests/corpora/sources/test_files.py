from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.document import Document
from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, broken, html, read_documents, texts


def test_columns_are_mapped_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {"body": "t", "meta": {"when": "20240131", "where": "https://x"}, "no": 7, "lang": "de", "rights": "CC0"}
    path.write_text(json.dumps(record) + "\n" + json.dumps({"body": "u", "rights": None}) + "\n" + '{"body": "v"}\n')
    columns = {"text": "body", "date": "meta.when", "url": "meta.where", "id": "no", "language": "lang"}
    one, two, three = read_documents(path, name="press", licence="rights", **columns)
    assert one == Document(
        id="7", text="t", source="press", url="https://x", licence="CC0", date="2024-01-31", language="de"
    )
    assert isinstance(two, Document)
    assert isinstance(three, Document)
    assert two.licence is None  # it has the column, and the column says nothing
    assert three.licence == "rights"
    with pytest.raises(UserError, match="no column text; the columns are body, meta, no, lang, rights"):
        read_documents(path)


def test_names_do_not_change_when_a_file_joins(tmp_path: Path) -> None:
    for folder in ("2024/q1", "2024/q2"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.md").write_text("text")
    pattern = tmp_path / "**" / "*.md"
    before = {item.id for item in read_documents(pattern)}
    (tmp_path / "2023").mkdir()
    (tmp_path / "2023" / "x.md").write_text("older")
    items = read_documents(pattern)
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
        with pytest.raises(UserError, match=told):
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
    with pytest.raises(UserError, match=r"a\.txt: cannot be read .Permission denied."):
        read_documents(path)


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


@pytest.mark.usefixtures("in_process")
def test_a_page_speaks_of_its_licence_as_a_record_does(tmp_path: Path) -> None:
    link = b'<a rel="license" href="https://opensource.org/licenses/MIT">MIT</a></body>'
    (tmp_path / "a.html").write_bytes(html("first").replace(b"</body>", link))
    (found,) = read_documents(tmp_path / "a.html", licence="mit")
    assert isinstance(found, Document)
    assert (found.licence, found.licence_from) == ("https://opensource.org/licenses/MIT", "record")
    with pytest.raises(UserError, match="states the licence"):
        read_documents(tmp_path / "a.html", licence="internal")
