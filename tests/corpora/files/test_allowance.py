"""Small files that unpack to huge ones, in every way of packing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from corpora.files import allowance
from corpora.files.allowance import Allowance, Limited
from tests.corpora.files.reading import broken, read_documents, texts

LINES = b'{"text": "one good line of a file without an end"}\n' * 60_000  # 3 MB
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SMALLEST", 1_000_000)
    monkeypatch.setattr(allowance, "RATIO", 2)


def told(path: Path) -> int:
    """How many documents came before the file was stopped."""
    items = read_documents(path)
    assert broken(items)
    assert all("unpack to more than 1 MB" in item.reason for item in broken(items))
    return len(texts(items))


@pytest.mark.parametrize("ending", PACK)
def test_a_packed_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(PACK[ending](LINES))
    assert 10_000 < told(path) < 25_000
    (tmp_path / f"b.jsonl{ending}").write_bytes(PACK[ending](LINES[:510_000]))
    assert len(read_documents(tmp_path / f"b.jsonl{ending}")) == 10_000


@pytest.mark.parametrize("ending", ["", *PACK])
def test_a_tar_archive_by_the_sum_of_its_files(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.tar{ending}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(4):
            entry = tarfile.TarInfo(f"{number}.jsonl.gz")
            data = gzip.compress(LINES[:510_000])
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    path.write_bytes(PACK[ending](packed.getvalue()) if ending else packed.getvalue())
    assert told(path) < 25_000


def test_a_zip_archive_by_the_sum_of_its_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.jsonl", LINES[:510_000])
    assert told(tmp_path / "a.zip") < 25_000


def test_a_member_that_is_passed_over_counts_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("zeros.bin")
        entry.size = 3_000_000
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    assert told(tmp_path / "a.tgz") == 0


@pytest.mark.parametrize("kind", [b"x", b"L"])
def test_a_header_without_an_end_is_not_read(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("header")
    entry.type, entry.size = kind, 10**11
    archive = tarfile.TarInfo("0.txt").tobuf() + entry.tobuf(tarfile.GNU_FORMAT) + bytes(100_000)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(archive))
    (bad,) = broken(read_documents(tmp_path / "a.tar.gz"))
    assert "a header asks for 100,000,000,000 bytes" in bad.reason


def test_what_is_read_is_taken_from_the_allowance() -> None:
    bound = Allowance(10)
    file = Limited(io.BytesIO(bytes(2_000_000)), bound)
    assert len(file.read(600_000)) == 600_000
    with pytest.raises(OSError, match="10 bytes unpack to more than 1 MB"):
        file.read(600_000)
    assert Allowance(10**9).left == 2 * 10**9
