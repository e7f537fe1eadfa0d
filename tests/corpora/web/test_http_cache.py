from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpora.web.http_cache import CachedPage, keep, note, read_page, remembered, state
from domain.manifest import file_sha256, write_json


def test_what_is_kept_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "filings" / "a.zst"
    assert read_page(path) is None
    content = b"first line\nsecond line\n" * 1_000
    keep(path, content, {"etag": '"1"'}, packed=True)
    assert read_page(path) == CachedPage(metadata={"etag": '"1"'}, content=content)
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]
    raw = path.read_bytes()
    assert len(raw) < len(content) / 10
    for spoilt in (b"", raw[:-1], raw[:20], raw[:-3] + b"abc", b"text"):
        path.write_bytes(spoilt)
        assert read_page(path) is None


def test_what_is_kept_as_it_came_begins_with_what_was_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.page"
    keep(path, b"first\nsecond", {"etag": '"1"', "charset": None}, packed=False)
    raw = path.read_bytes()
    assert raw.startswith(b'{"charset": null, "etag": "\\"1\\"", "sha256": "')
    assert raw.endswith(b'"}\nfirst\nsecond')
    assert read_page(path) == CachedPage(metadata={"etag": '"1"', "charset": None}, content=b"first\nsecond")
    edited = [raw.replace(b"second", b"tenth!"), raw.replace(b'\\"1', b'\\"2'), raw[:-1], raw + b"x"]
    for spoilt in (b"", b"{", b"[]\nx", b'{"etag": 1}', b'{"etag": 1}\nfirst', *edited):
        path.write_bytes(spoilt)
        assert read_page(path) is None
    keep(path, b"packed", {}, packed=True)
    path.write_bytes(b'{"etag": 1}\nfirst')  # a packed file may be replaced by a plain one
    assert read_page(path) is None


def test_a_file_that_is_not_as_it_came(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"one\ntwo\n")
    metadata = {"bytes": 8, "content": '"1"'}
    write_json(note(path), {**metadata, "sha256": file_sha256(path), "state": state(path)})
    assert remembered(path) == metadata
    os.utime(path, (0, 0))  # the same bytes
    assert remembered(path) == metadata
    before = path.stat()
    for spoilt in (b"one\nTWO\n", b"one\n", b"", bytes(8)):
        path.write_bytes(spoilt)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert remembered(path) is None
    assert len(caplog.records) == 4
    path.unlink()
    assert remembered(path) is None
    write_json(note(path), metadata)
    path.write_bytes(b"one\ntwo\n")
    assert remembered(path) is None
