from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from corpora.edgar.fetch import MOST, unpacked
from corpora.edgar.kept import Kept, keep, kept
from corpora.web import Unfit


def test_what_is_kept_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "filings" / "a.zst"
    assert kept(path) is None
    content = b"first line\nsecond line\n" * 1_000
    keep(path, content, {"etag": '"1"'})
    assert kept(path) == Kept(told={"etag": '"1"'}, content=content)
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]
    raw = path.read_bytes()
    assert len(raw) < len(content) / 10
    for spoilt in (b"", raw[:-1], raw[:20], raw[:-3] + b"abc", b"text"):
        path.write_bytes(spoilt)
        assert kept(path) is None


def test_an_index_that_is_cut_or_a_bomb_is_unfit() -> None:
    packed = gzip.compress(b"rows" * 1_000)
    assert unpacked(packed, "url") == b"rows" * 1_000
    assert unpacked(b"rows", "url") == b"rows"
    with pytest.raises(Unfit, match="url is cut short"):
        unpacked(packed[:-1], "url")
    with pytest.raises(Unfit, match="url is broken"):
        unpacked(packed[:15] + b"xxxx" + packed[19:], "url")


def test_a_gzip_bomb_stops_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST >= 400_000_000
    monkeypatch.setattr("corpora.edgar.fetch.MOST", 1_000)
    with pytest.raises(Unfit, match="more than 1,000 bytes"):
        unpacked(gzip.compress(bytes(1_001)), "url")
    assert len(unpacked(gzip.compress(bytes(1_000)), "url")) == 1_000
