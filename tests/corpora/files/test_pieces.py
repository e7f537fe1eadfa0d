"""Files within archives, and files that vanish."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from backports import zstd

from corpora.sources.files import Files
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, TEXTS, broken, html, read_documents, texts


def archive(path: Path, files: dict[str, bytes]) -> None:
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
    items = read_documents(path, name="n")
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
        assert "the file is broken from here on" in broken(read_documents(path))[-1].reason


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
