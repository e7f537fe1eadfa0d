from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.document import Document, Quarantined
from corpora.sources.files import Files
from domain.errors import Refusal
from domain.machine import Machine

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
        ("a.pdf", "unknown ending"), ("nope://x/a.jsonl", "nope"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(tmp_path: Path, path: str, told: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
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
