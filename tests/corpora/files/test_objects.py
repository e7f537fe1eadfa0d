"""JSON in all the ways in which files hold it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from corpora.files.objects import values
from corpora.files.record import as_text
from tests.corpora.files.reading import TEXTS, broken, read_documents, texts


def test_bad_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "one"}\n\n{"text": "broken\n[1]\n{"text": 4}\n{"txt": "x"}\n{"text": null}\n'
        b'{"text": "caf\xe9"}\n{"text": "l\\ud800one", "id": "\\udfff"}\r\n{"text": "last"}'
    )
    items = read_documents(path)
    assert texts(items) == ["one", "", "l\ufffdone", "last"]
    assert [(q.place, q.reason.partition(" (")[0]) for q in broken(items)] == [
        (f"{path}:3", "is not valid JSON"), (f"{path}:4", "holds list, not an object"),
        (f"{path}:5", "column text holds int, not text"), (f"{path}:6", "column text is not there"),
        (f"{path}:8", "is not UTF-8"),
    ]  # fmt: skip
    assert [q.id for q in broken(items)][:2] == ["a/a.jsonl:3", "a/a.jsonl:4"]


def test_ten_megabytes_in_a_line_nul_bytes_and_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        json.dumps({"text": "x" * 10_000_000}).encode() + b'\n{"text": "a\\u0000b\\ud83d"}\n{"text": "\x00"}\n'
    )
    items = read_documents(path)
    assert [len(text) for text in texts(items)] == [10_000_000, 3]
    assert texts(items)[1] == "ab\ufffd"
    (bad,) = broken(items)
    assert bad.reason.startswith("is not valid JSON")


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
        items = read_documents(path)
        assert texts(items) == TEXTS[: len(lines)]
        assert tuple(int(item.id.rpartition(":")[2]) for item in items) == lines
    path.write_text(json.dumps(records[:1], ensure_ascii=False).replace("first", "größe"), encoding="cp1252")
    assert texts(read_documents(path, encoding="cp1252")) == ["größe"]


def test_a_large_json_array_is_streamed(tmp_path: Path) -> None:
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
        (b'[{"text": "a"},\n{"text": "b"', ["a"], "is not valid JSON"),
        (b'[{"text": "a"}, oops, {"text": "b"}]', ["a"], "is not valid JSON"),
        (b'[{"text": "a"}, 7, {"text": "b"}]', ["a", "b"], "holds int, not an object"),
        (b'[{"text": "a"}, {"text": "caf\xe9"}, {"text": "b"}]', ["a", "b"], "is not UTF-8"),
        (b"[" * 100_000, [], "is not valid JSON"), (b'{"text":\n "a', [], "is not valid JSON"),
        (b"[", [], "is not valid JSON"),
        (b'{"text": "a"}\n{"text": \n{"text": "b"}\n', ["a", "b"], "is not valid JSON"),
    ],
)  # fmt: skip
def test_json_files_that_are_broken(tmp_path: Path, written: bytes, good: list[str], reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(written)
    items = read_documents(path)
    assert texts(items) == good
    (bad,) = broken(items)
    assert bad.reason.startswith(reason)


@pytest.mark.parametrize("crowd", ["[],", "{},", "1,", '"",'])
@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_a_record_of_too_many_values_is_not_parsed(tmp_path: Path, crowd: str, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    text = '{"text": "good"}\n{"text": "bad", "x": [' + crowd * 5_100_000 + '""]}\n{"text": "good"}\n'
    path.write_text(text if ending == ".jsonl" else f"[{text.replace(chr(10), ',').rstrip(',')}]")
    items = read_documents(path)
    assert [q.reason for q in broken(items)] == ["holds more than 5,000,000 values"]
    assert texts(items) == (["good", "good"] if ending == ".jsonl" else ["good"])
