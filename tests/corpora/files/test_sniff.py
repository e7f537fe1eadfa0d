"""One file gives one text: through both kinds of source, in every ending, packing and UTF, whatever its name says."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from corpora.document import Document, Quarantined
from corpora.files.sniff import encoding_of
from corpora.sources.files import Files
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import TEXTS, broken, html, read_documents, texts

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress,
}  # fmt: skip
UTFS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS}), file)
    return file.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


LINES = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS)
WRITTEN = {
    ".jsonl": LINES, ".ndjson": LINES, ".json": json.dumps([{"text": text} for text in TEXTS], ensure_ascii=False),
    ".csv": "text,n\n" + "".join(f"{text},1\n" for text in TEXTS),
    ".tsv": "text\tn\n" + "".join(f"{t}\t1\n" for t in TEXTS),
    ".txt": "\n".join(TEXTS), ".md": "\n".join(TEXTS),
}  # fmt: skip


def both(path: Path, **settings: Any) -> list[list[Document | Quarantined] | str]:
    """What each kind of source gives, or its refusal."""
    answers: list[list[Document | Quarantined] | str] = []
    for source in (Files(kind="files", path=str(path), **settings), Hub(kind="hub", dataset=str(path), **settings)):
        try:
            answers.append(list(source.documents(Machine(workers=1))))
        except UserError as error:
            answers.append(error.problem)
    return answers


@pytest.mark.parametrize("packing", [*PACK, ".zip", ".tar", ".tar.gz", ".tgz"])
@pytest.mark.parametrize("ending", [*WRITTEN, ".parquet"])
def test_one_text_through_both_kinds(tmp_path: Path, ending: str, packing: str) -> None:
    content = parquet() if ending == ".parquet" else WRITTEN[ending].encode()
    packed = {
        ".zip": lambda: zipped(f"a{ending}", content), ".tar": lambda: tarred(f"a{ending}", content),
        ".tar.gz": lambda: gzip.compress(tarred(f"a{ending}", content)),
        ".tgz": lambda: gzip.compress(tarred(f"a{ending}", content)),
    }.get(packing, lambda: PACK[packing](content))  # fmt: skip
    path = tmp_path / (f"b{packing}" if packing in (".zip", ".tar", ".tar.gz", ".tgz") else f"a{ending}{packing}")
    path.write_bytes(packed())
    for items in both(path):
        assert not isinstance(items, str)
        assert texts(items) == (["\n".join(TEXTS)] if ending in (".txt", ".md") else TEXTS)
        assert broken(items) == []


@pytest.mark.parametrize("name", ["a.rst", "a", "a.jsonl.bak", "a.doc", "a.jsonl.lz4"])
def test_an_unknown_ending_is_refused_by_both(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LINES)
    assert both(tmp_path / name) == ["has an unknown ending"] * 2


@pytest.mark.usefixtures("in_process")
def test_pages_are_read_by_files_and_refused_by_the_hub(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(html("One"))
    files, hub = both(tmp_path / "a.html")
    assert not isinstance(files, str)
    assert not isinstance(hub, str)
    assert len(texts(files)) == 1
    assert [each.reason for each in broken(hub)] == ["is a page; name it by a source of kind files"]


def test_lines_may_be_documents_in_both(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    for items in both(tmp_path / "a.txt", lines=True):
        assert not isinstance(items, str)
        assert texts(items) == ["one", "two"]


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json", "a.jsonl.zst"])
def test_what_a_file_is_packed_by_is_seen_whatever_its_name(tmp_path: Path, name: str, packing: str) -> None:
    (tmp_path / name).write_bytes(PACK[packing](LINES.encode()))
    for items in both(tmp_path / name):
        assert not isinstance(items, str)
        if packing or not name.endswith((".gz", ".zst")):
            assert texts(items) == TEXTS
        else:
            assert "broken from here on" in broken(items)[0].reason


@pytest.mark.parametrize("utf", UTFS)
@pytest.mark.parametrize("ending", WRITTEN)
def test_every_utf_with_and_without_its_mark(tmp_path: Path, ending: str, utf: str) -> None:
    content = WRITTEN[ending].encode(utf)
    for name, raw in ((f"a{ending}", content), (f"a{ending}.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(raw)
        for items in both(tmp_path / name):
            assert not isinstance(items, str)
            assert texts(items) == (["\n".join(TEXTS)] if ending in (".txt", ".md") else TEXTS)
    assert len(texts(read_documents(tmp_path / f"a{ending}", encoding=utf))) in (1, 3)


@pytest.mark.parametrize("utf", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".json", ".txt"])
@pytest.mark.parametrize("damage", ["cut", "surrogate", "stated"])
def test_a_utf_that_fails_is_told(tmp_path: Path, ending: str, utf: str, damage: str) -> None:
    content = WRITTEN[ending].encode(utf)
    if damage == "cut":
        content = content[:-1]
    elif damage == "surrogate":
        content = WRITTEN[ending].replace("second", "\ud800").replace("sécond", "\ud800").encode(utf, "surrogatepass")
    (tmp_path / f"a{ending}").write_bytes(content)
    items = read_documents(tmp_path / f"a{ending}", encoding="utf-16" if damage == "stated" else "utf-8")
    if damage == "stated":
        assert texts(items)
    else:
        assert any(
            "is not UTF-" in each.reason or "UTF-" in each.reason or "JSON" in each.reason for each in broken(items)
        )
        assert len(texts(items)) < 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "shift_jis", "gb18030", "euc_kr", "utf-7", "cp1252"])
def test_a_stated_encoding_that_fails_never_ends_in_a_traceback(tmp_path: Path, encoding: str) -> None:
    for ending in WRITTEN:
        for content in (b"\xff", b"\xd8\x00" * 9, bytes(range(256)), b'{"text": "a\x81"}\n', b"text\n\xff\xff\n", b""):
            (tmp_path / f"a{ending}").write_bytes(content)
            with suppress(UserError):  # no column text
                read_documents(tmp_path / f"a{ending}", encoding=encoding)


@pytest.mark.parametrize(
    ("content", "form"),
    [(zipped("a", b"x"), "a zip archive"), (parquet(), "Parquet"), (b"%PDF-1.7\n", "PDF")],
)
def test_another_form_under_the_name_of_a_text_is_named(tmp_path: Path, content: bytes, form: str) -> None:
    for ending in (".jsonl", ".csv", ".txt", ".md"):
        (tmp_path / f"a{ending}").write_bytes(content)
        (item,) = read_documents(tmp_path / f"a{ending}")
        assert isinstance(item, Quarantined)
        assert item.reason == f"is {form}, whatever its name says"


def test_text_of_any_language_is_not_taken_for_another_utf() -> None:
    for text in ("plain", "größe", "日本語のテキスト", "русский", "", "a\0b", "{}"):
        assert encoding_of(text.encode(), "utf-8") == "utf-8-sig"
    assert encoding_of('{"text": "日本語のテキストだけが続く"}'.encode("utf-16-le"), "utf-8") == "utf-16-le"
    assert encoding_of("größe".encode("cp1252"), "cp1252") == "cp1252"
