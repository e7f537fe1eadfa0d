"""Files however packed, in any encoding, broken or too large."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from corpora.document import Quarantined
from corpora.files import objects, record, tables
from corpora.sources.files import Files
from tests.corpora.files.reading import JSONL, TEXTS, broken, read_documents, texts


def zstd_frames(data: bytes) -> bytes:
    """Two frames and an empty one, as parallel packers write them."""
    middle = len(data) // 2
    return b"".join(zstd.compress(part) for part in (data[:middle], b"", data[middle:]))


def checked(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".jsonl", bytes), (".json", bytes), (".jsonl.gz", gzip.compress), (".jsonl.bz2", bz2.compress),
        (".jsonl.xz", lzma.compress), (".jsonl.zst", zstd.compress), (".JSONL.ZST", zstd_frames),
        (".jsonl.gz", lambda d: gzip.compress(d[:9]) + gzip.compress(d[9:])),
    ],
)  # fmt: skip
def test_json_lines_however_packed(tmp_path: Path, ending: str, pack: Any) -> None:
    path = tmp_path / f"calls{ending}"
    path.write_bytes(pack(JSONL))
    items = read_documents(path)
    assert texts(items) == TEXTS
    assert [item.id for item in items] == [f"calls/calls{ending}:{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.bz2", ".jsonl.xz", ".jsonl.zst"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_packed_file_that_breaks_off_is_told_with_its_line(tmp_path: Path, ending: str, damage: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": checked}[ending[6:]]
    # Hashes do not pack, so that some lines are whole before the damage.
    lines = b"".join(json.dumps({"text": hashlib.sha512(bytes([i % 256, i // 256])).hexdigest()}).encode() + b"\n"
                     for i in range(6_000))  # fmt: skip
    data = bytearray(pack(lines))
    if damage == "cut":
        del data[len(data) * 3 // 4 :]
    else:
        for place in range(len(data) // 2, len(data) // 2 + 40):
            data[place] ^= 0x5A
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    items = read_documents(path)
    good, bad = texts(items), broken(items)
    last = bad[-1]
    assert "the file is broken from here on" in last.reason
    # The last whole line may itself be nonsense where bits flipped; the break is told behind it.
    assert last.place == f"{path}:{len(good) + len(bad)}"
    assert last.records >= max(1, len(good))
    assert len(good) < 6_000


def test_a_file_that_is_not_packed_at_all(tmp_path: Path) -> None:
    for ending in ("gz", "bz2", "xz", "zst", "parquet"):
        path = tmp_path / f"a.{ending}" if ending == "parquet" else tmp_path / f"a.jsonl.{ending}"
        path.write_bytes(b"plain text, at some length, that nothing can unpack\n" * 5)
        (item,) = read_documents(path)
        assert isinstance(item, Quarantined)
        assert "broken from here on" in item.reason


def test_text_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes("one\ntwo café\n".encode("latin-1"))
    (item,) = read_documents(path)
    assert isinstance(item, Quarantined)
    assert (item.place, item.reason) == (f"{path}:2", "is not UTF-8 (byte 11 of the file)")
    assert texts(read_documents(path, encoding="latin-1")) == ["one\ntwo café"]
    path.write_bytes("\ufeffmärz\r\n".encode())
    assert texts(read_documents(path)) == ["märz"]
    lines = tmp_path / "a.jsonl"
    lines.write_bytes('{"text": "café €"}\n'.encode("cp1252") + b'{"text": "\x81"}\n')
    items = read_documents(lines, encoding="cp1252")
    assert texts(items) == ["café €"]
    assert broken(items)[0].reason == "is not cp1252"
    for encoding in ("ansi-8", "zip", "bz2", "rot13", "hex", "idna", "punycode", "unicode_escape", "undefined"):
        with pytest.raises(ValueError, match="no encoding"):
            Files(kind="files", path="x.txt", encoding=encoding)


def test_a_record_above_the_bound_is_told_and_the_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (record, objects, tables):
        monkeypatch.setattr(module, "LONGEST_RECORD", 1_000)
    long = json.dumps({"text": "x" * 5_000})
    path = tmp_path / "a.jsonl.gz"  # a bomb: what unpacks to much more is read in pieces
    path.write_bytes(gzip.compress(f'{{"text": "a"}}\n{long}\n{{"text": "b"}}\n{"x" * 1_000_000}'.encode()))
    items = read_documents(path)
    assert texts(items) == ["a", "b"]
    assert [(q.place, q.records) for q in broken(items)] == [(f"{path}:2", 1), (f"{path}:4", 1)]
    assert all("is longer than" in q.reason for q in broken(items))
    for name, written in (
        ("b.json", f'[{{"text": "a"}}, {long}]'), ("c.csv", f'text\na\n"{"x" * 5_000}"\n'),
        ("d.csv", f"text\na\n{'x' * 5_000}"),
    ):  # fmt: skip
        (tmp_path / name).write_text(written)
        items = read_documents(tmp_path / name)
        assert texts(items) == ["a"], name
        assert len(broken(items)) == 1, name
    for name in ("e.txt.gz", "f.html.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"x" * 100_000))
        (bad,) = broken(read_documents(tmp_path / name))
        assert bad.reason.startswith("is larger than")
