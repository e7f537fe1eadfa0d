from __future__ import annotations

import gzip

import pytest

from corpora.edgar.fetch import MOST, unpacked
from corpora.web import Unfit


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
