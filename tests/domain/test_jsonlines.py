from __future__ import annotations

import gzip
import json
import os
import resource
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import jsonlines
from domain.errors import UserError
from domain.jsonlines import line, parse_line, read_lines, read_records, write_lines


def test_rows_come_back_and_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    rows = [{"b": "line\nbreak \u2028 \x85 é", "a": 1}, {"a": None, "b": []}]
    write_lines(tmp_path / "one", rows)
    write_lines(tmp_path / "other", [dict(reversed(row.items())) for row in rows])
    assert list(read_lines(tmp_path / "one")) == rows
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert (tmp_path / "one").read_text(encoding="utf-8").startswith('{"a":1,"b":"line\\nbreak')


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert line({"file": "caf\udce9.txt"}) == b'{"file":"caf?.txt"}\n'
    assert parse_line(b'{"file": "caf\\udce9.txt"}') == {"file": "caf\udce9.txt"}


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none()))
def test_the_standard_library_writes_and_reads_the_same(row: dict[str, object]) -> None:
    written = line(row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonlines, "orjson", None)
        assert line(row) == written
        assert parse_line(written) == json.loads(written)


def test_records_come_with_the_numbers_of_their_lines(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": "\xe2\x80\xa8"}'
    for name, data in (("x.jsonl", content), ("x.jsonl.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        assert list(read_records(tmp_path / name)) == [(1, {"a": 1}), (4, {"a": "\u2028"})]


def refused_quickly(path: Path, message: str) -> None:
    """Refused within 5 s and 200 MB."""
    began = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=message):
        list(read_records(path))
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([b'{"a": "', *[b"a" * 1_000_000] * 100], r"gz:1: is longer than 16 MB"),
        ([b'{"a": 1}\n', *[b" " * 1_000_000] * 100], r"gz:2: is longer than 16 MB"),
        ([b"\n" * 1_100_000], r"gz:1000001: follows 1,000,000 empty lines"),
        ([b"\r\n" * 1_100_000], r"gz:1000001: follows 1,000,000 empty lines"),
        ([b'{"a": "' + b"a" * 9_000_000 + b'"}\n'] * 3, r"gz, after line 2: becomes more than 50 times as long"),
        ([b'{"a": [' + b"{}," * 3_000_000 + b"]}"], "is not valid JSON"),
    ],
)
def test_a_small_file_that_expands_is_refused(tmp_path: Path, parts: list[bytes], message: str) -> None:
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(parts)
    assert path.stat().st_size < 1_000_000
    refused_quickly(path, message)


def test_what_might_never_end_is_refused(tmp_path: Path) -> None:
    for name in ("pipe.jsonl", "pipe.jsonl.gz"):
        os.mkfifo(tmp_path / name)
        refused_quickly(tmp_path / name, r"cannot be read \(it is a pipe")
    for name in ("zero.jsonl", "zero.gz"):
        (tmp_path / name).symlink_to("/dev/zero")
        refused_quickly(tmp_path / name, r"cannot be read \(it is a pipe")
    (tmp_path / "long.jsonl").write_bytes(b'{"a": "' + b"a" * 16_000_000 + b'"}')
    refused_quickly(tmp_path / "long.jsonl", "long.jsonl:1: is longer than 16 MB")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n[1]\n', r"a\.jsonl:2: holds list, not an object\. Fix: "),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', r"a\.jsonl:2: is not valid JSON \("),
        ("a.jsonl", b"[" * 100_000, r"a\.jsonl:1: is not valid JSON \(maximum recursion"),
        ("a.jsonl", b'{"a": "\xff"}\n', r"a\.jsonl:1: is not UTF-8"),
        ("a.jsonl.gz", gzip.compress(b"{}\n" * 9, mtime=0)[:-9], r"gz, after line \d: cannot be decompressed \("),
        ("a.jsonl", b" \n\n", r"a\.jsonl: is empty"),
        ("a.jsonl.gz", b'{"a": 1}\n', r"a\.jsonl\.gz, after line 0: cannot be decompressed \(Not a gzipped file"),
        ("no/a.jsonl", None, r"a\.jsonl: cannot be read \(No such file"),
    ],
)
def test_a_users_damaged_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as refused:
        list(read_records(tmp_path / name))
    assert "\n" not in str(refused.value)
