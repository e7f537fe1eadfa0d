from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from corpora.document import Document, Quarantined
from corpora.sources.files import Files
from domain.machine import Machine

TEXTS = ["first", "sécond", "third"]


JSONL = "".join(json.dumps({"text": t}) + "\n" for t in TEXTS).encode()


def zstd_frames(data: bytes) -> bytes:
    """Two frames and an empty one, as parallel packers write them."""
    middle = len(data) // 2
    return b"".join(zstd.compress(part) for part in (data[:middle], b"", data[middle:]))


def found(path: Path | str, **settings: Any) -> list[Document | Quarantined]:
    return list(Files(kind="files", path=str(path), **settings).documents(Machine(workers=1)))


def texts(items: list[Document | Quarantined]) -> list[str]:
    return [item.text for item in items if isinstance(item, Document)]


def broken(items: list[Document | Quarantined]) -> list[Quarantined]:
    return [item for item in items if isinstance(item, Quarantined)]


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
    items = found(path)
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
    items = found(path)
    good, bad = texts(items), broken(items)
    last = bad[-1]
    assert "the file is broken from here on" in last.reason
    # The last whole line may itself be nonsense where bits flipped; the break is told behind it.
    assert last.place == f"{path}:{len(good) + len(bad)}"
    assert last.records >= max(1, len(good))
    assert len(good) < 6_000


def checked(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def test_a_file_that_is_not_packed_at_all(tmp_path: Path) -> None:
    for ending in ("gz", "bz2", "xz", "zst", "parquet"):
        path = tmp_path / f"a.{ending}" if ending == "parquet" else tmp_path / f"a.jsonl.{ending}"
        path.write_bytes(b"plain text, at some length, that nothing can unpack\n" * 5)
        (item,) = found(path)
        assert isinstance(item, Quarantined)
        assert "broken from here on" in item.reason


def write_csv(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def test_csv(tmp_path: Path) -> None:
    long = "x" * 200_000
    path = write_csv(
        tmp_path / "a.csv", [["text", "date"], ['say "hi",\nthen go', "2024-01-01"], [long, ""]], "utf-8-sig"
    )
    one, two = found(path)
    assert isinstance(one, Document)
    assert isinstance(two, Document)
    assert (one.text, one.date, one.id) == ('say "hi",\nthen go', "2024-01-01", "a/a.csv:2")
    assert (two.text, two.date) == (long, None)


def test_csv_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'text,date\ngood,2024-01-01\ntoo, many,2024-01-01\ncaf\xe9,\nfew\n"stray" quote,\nfine,\n"open,\na,\nb,\n'
    )
    items = found(path)
    assert texts(items) == ["good", "few", "fine"]
    told = [(q.place.rpartition(":")[2], q.reason.partition(" (")[0], q.records) for q in broken(items)]
    assert told == [
        ("3", "has more fields than the header", 1), ("4", "is not UTF-8", 1), ("6", "is no CSV", 1),
        ("8", "is no CSV", 3),
    ]  # fmt: skip


def test_csv_in_another_encoding(tmp_path: Path) -> None:
    rows = [["text", "größe"], ["Übung €", "1"], ["Café", "2"]]
    path = write_csv(tmp_path / "a.csv", rows, "cp1252")
    (item,) = found(path)
    assert isinstance(item, Quarantined)
    assert (item.place, item.reason) == (f"{path}:1", "the header is not UTF-8")
    assert texts(found(path, encoding="cp1252")) == ["Übung €", "Café"]
    assert texts(found(write_csv(path, rows, "utf-16"), encoding="utf-16")) == ["Übung €", "Café"]


def test_text_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes("one\ntwo café\n".encode("latin-1"))
    (item,) = found(path)
    assert isinstance(item, Quarantined)
    assert (item.place, item.reason) == (f"{path}:2", "is not UTF-8 (byte 11 of the file)")
    assert texts(found(path, encoding="latin-1")) == ["one\ntwo café"]
    path.write_bytes("\ufeffmärz\r\n".encode())
    assert texts(found(path)) == ["märz"]
    lines = tmp_path / "a.jsonl"
    lines.write_bytes('{"text": "café €"}\n'.encode("cp1252") + b'{"text": "\x81"}\n')
    items = found(lines, encoding="cp1252")
    assert texts(items) == ["café €"]
    assert broken(items)[0].reason == "is not cp1252"
    with pytest.raises(ValueError, match="no encoding"):
        Files(kind="files", path="x.txt", encoding="ansi-8")


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    rows = [{"text": f"t{i}", "meta": {"date": "2024-01-01"}} for i in range(600)]
    write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    items = found(tmp_path / "a.parquet", date="meta.date")
    assert texts(items) == [f"t{i}" for i in range(600)]
    assert items[599].id == "a/a.parquet:600"


def test_a_json_file_is_an_array_or_objects_or_lines(tmp_path: Path) -> None:
    records = [{"text": t, "n": [1, {"a": "]}"}]} for t in TEXTS]
    path = tmp_path / "a.json"
    for written, lines in (
        (json.dumps(records), (1, 1, 1)), (json.dumps(records, indent=1), (2, 11, 20)),
        ("\n\ufeff"[::-1] + json.dumps(records), (2, 2, 2)), (json.dumps(records[0], indent=2), (1,)),
        ("\n".join(json.dumps(r, indent=1) for r in records), (1, 10, 19)),
        ("\n" + "\n\n".join(map(json.dumps, records)), (2, 4, 6)), ("[]", ()), (" \n\n", ()),
    ):  # fmt: skip
        path.write_text(written, encoding="utf-8")
        items = found(path)
        assert texts(items) == TEXTS[: len(lines)]
        assert tuple(int(item.id.rpartition(":")[2]) for item in items) == lines
    path.write_text(json.dumps(records[:1], ensure_ascii=False).replace("first", "größe"), encoding="cp1252")
    assert texts(found(path, encoding="cp1252")) == ["größe"]


def test_a_large_json_array_is_streamed(tmp_path: Path) -> None:
    from corpora.sources.formats import as_text, values

    class Counted(io.BytesIO):
        taken = 0

        def read1(self, size: int | None = -1) -> bytes:
            got = super().read1(size)
            self.taken += len(got)
            return got

    file = Counted(json.dumps([{"text": "x" * 1_000, "n": n} for n in range(3_000)], indent=1).encode())
    stream = values(as_text(file, "utf-8"), "utf-8")
    for n in range(100):
        line, record = next(stream)
        assert isinstance(record, dict)
        assert (line, record["n"]) == (2 + 4 * n, n)
    assert file.taken < 400_000  # of 3 MB
    assert sum(1 for _ in stream) == 2_900


@pytest.mark.parametrize(
    ("written", "good", "reason"),
    [
        (b'[{"text": "a"},\n{"text": "b"', ["a"], "is no JSON"),
        (b'[{"text": "a"}, oops, {"text": "b"}]', ["a"], "is no JSON"),
        (b'[{"text": "a"}, 7, {"text": "b"}]', ["a", "b"], "holds int, not an object"),
        (b'[{"text": "a"}, {"text": "caf\xe9"}, {"text": "b"}]', ["a", "b"], "is not UTF-8"),
        (b"[" * 100_000, [], "is no JSON"), (b'{"text":\n "a', [], "is no JSON"), (b"[", [], "is no JSON"),
        (b'{"text": "a"}\n{"text": \n{"text": "b"}\n', ["a", "b"], "is no JSON"),
    ],
)  # fmt: skip
def test_json_files_that_are_broken(tmp_path: Path, written: bytes, good: list[str], reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(written)
    items = found(path)
    assert texts(items) == good
    (bad,) = broken(items)
    assert bad.reason.startswith(reason)


def test_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('id\ttext\n1\tone, two\n2\t"with\ttab"\n')
    assert texts(found(path)) == ["one, two", "with\ttab"]


def test_a_record_above_the_bound_is_told_and_the_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from corpora.sources import formats

    monkeypatch.setattr(formats, "LONGEST", 1_000)
    long = json.dumps({"text": "x" * 5_000})
    path = tmp_path / "a.jsonl.gz"  # a bomb: what unpacks to much more is read in pieces
    path.write_bytes(gzip.compress(f'{{"text": "a"}}\n{long}\n{{"text": "b"}}\n{"x" * 1_000_000}'.encode()))
    items = found(path)
    assert texts(items) == ["a", "b"]
    assert [(q.place, q.records) for q in broken(items)] == [(f"{path}:2", 1), (f"{path}:4", 1)]
    assert all("is longer than" in q.reason for q in broken(items))
    for name, written in (
        ("b.json", f'[{{"text": "a"}}, {long}]'), ("c.csv", f'text\na\n"{"x" * 5_000}"\n'),
        ("d.csv", f"text\na\n{'x' * 5_000}"),
    ):  # fmt: skip
        (tmp_path / name).write_text(written)
        items = found(tmp_path / name)
        assert texts(items) == ["a"], name
        assert len(broken(items)) == 1, name
    for name in ("e.txt.gz", "f.html.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"x" * 100_000))
        (bad,) = broken(found(tmp_path / name))
        assert bad.reason.startswith("is larger than")


def test_ten_megabytes_in_a_line_nul_bytes_and_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        json.dumps({"text": "x" * 10_000_000}).encode() + b'\n{"text": "a\\u0000b\\ud83d"}\n{"text": "\x00"}\n'
    )
    items = found(path)
    assert [len(text) for text in texts(items)] == [10_000_000, 3]
    assert texts(items)[1] == "ab\ufffd"
    (bad,) = broken(items)
    assert bad.reason.startswith("is no JSON")
