"""Content-Encoding undone in pieces: right for whole data, one error for anything else, no memory for bombs."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from itertools import islice

import brotli
import pytest
from backports import zstd

from corpora.web.decode import CHUNK_BYTES, decoded

TEXT = random.Random(1).randbytes(300_000) + b"words and words " * 200_000
RAW = zlib.compressobj(9, zlib.DEFLATED, -15)
PACKED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "two members": ("gzip", gzip.compress(TEXT[:1_000]) + gzip.compress(TEXT[1_000:])),
    "padding": ("x-gzip", gzip.compress(TEXT) + b"\0" * 20),
    "zlib": ("deflate", zlib.compress(TEXT)),
    "raw deflate": ("deflate", RAW.compress(TEXT) + RAW.flush()),
    "brotli": ("br", brotli.compress(TEXT)),
    "zstd": ("zstd", zstd.compress(TEXT)),
    "two frames": ("zstd", zstd.compress(TEXT[:1_000]) + zstd.compress(TEXT[1_000:])),
    "twice": ("br, gzip", gzip.compress(brotli.compress(TEXT))),
    "none": ("identity", TEXT),
}


def quick(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=3))


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [977, 1 << 16, 1 << 30])
@pytest.mark.parametrize("name", PACKED)
def test_whole_data(name: str, size: int) -> None:
    encoding, data = PACKED[name]
    pieces = list(decoded(chunks(data, size), encoding))
    assert b"".join(pieces) == TEXT
    if name != "none":
        assert max(map(len, pieces)) <= 4 * CHUNK_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_an_empty_body_is_empty(encoding: str) -> None:
    assert b"".join(decoded([b""], encoding)) == b"".join(decoded([], encoding)) == b""


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw deflate", "brotli", "zstd", "twice"])
def test_what_breaks_off_or_is_damaged(name: str) -> None:
    encoding, data = PACKED[name]
    with pytest.raises(ValueError, match="is damaged"):
        list(decoded(chunks(data[:-9], 5_000), encoding))
    with pytest.raises(ValueError, match="is damaged"):
        list(decoded([b"\x07" * 4_000], encoding))


@pytest.mark.parametrize("encoding", ["compress", "gzip, gzip, gzip", "aes128gcm"])
def test_what_was_not_asked_for(encoding: str) -> None:
    with pytest.raises(ValueError, match="not asked for"):
        decoded([b""], encoding)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("br", quick), ("zstd", zstd.compress)])
def test_a_bomb_is_unpacked_only_as_far_as_it_is_read(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(50_000_000))
    assert len(bomb) < 60_000
    begun = sum(map(len, islice(decoded([bomb], encoding), 3)))
    assert 3_000_000 <= begun < 20_000_000
