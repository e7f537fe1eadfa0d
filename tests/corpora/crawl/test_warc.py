"""Archives that are damaged, real ones among them: reading goes on behind the damage."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from corpora.crawl.warc import Damage, captures
from corpora.document import Document, Quarantined
from corpora.files import allowance
from corpora.sources.crawl import Crawl
from domain.machine import Machine
from tests.corpora.crawl.warcs import GOOD, packed, read, reasons, urls


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("damage", ["head", "inside", "between", "before"])
def test_reading_goes_on_behind_a_damage(tmp_path: Path, compress: bool, damage: str) -> None:
    parts = [gzip.compress(each) for each in GOOD] if compress else list(GOOD)
    if damage == "head":
        parts[2] = b"\x00" * 12 + parts[2][12:]
    elif damage == "inside":
        # Inside a member that is compressed: its data; inside one that is not: its length, so that nothing fits.
        parts[2] = parts[2][:60] + b"\xff" * 20 + parts[2][80:] if compress else parts[2].replace(b"Content-L", b"L", 1)
    elif damage == "between":
        parts[2] += b"garbage\n" * 30
    else:
        parts[0] = b"garbage\n" * 30 + parts[0]
    found = read(tmp_path, b"".join(parts), name="a.warc.gz" if compress else "a.warc")
    lost = {"head": [2], "inside": [2], "between": [], "before": []}[damage]
    assert urls(found) == [f"http://a.example/{n}" for n in range(5) if n not in lost]
    assert len(reasons(found)) == 1


@pytest.mark.usefixtures("in_process")
def test_a_file_that_breaks_off(tmp_path: Path) -> None:
    whole = packed(*GOOD)
    found = read(tmp_path, whole[: len(packed(*GOOD[:4])) + 200])
    assert len(urls(found)) == 4
    assert len(reasons(found)) == 1
    assert "breaks off after" in reasons(found)[0]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"<html>no archive</html>", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (found,) = read(tmp_path, content)
    assert isinstance(found, Quarantined)
    assert found.id == "a/a.warc.gz@0"


# Real data


@pytest.fixture
def warcs(tmp_path: Path) -> Path:
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    with tarfile.open(Path(origin) / "warc" / "warcio_testdata.tar.xz") as tar:
        tar.extractall(tmp_path / "warcio", filter="data")
    return Path(origin) / "warc"


def test_a_real_crawl(warcs: Path) -> None:
    spec = Crawl(path=str(warcs / "sample-0000.warc.gz"))
    found = list(spec.documents(Machine(workers=2)))
    assert len(found) == 22
    assert all(isinstance(each, Document) for each in found)
    assert list(spec.documents(Machine(workers=1))) == found
    assert sum(len(each.text) > 100 for each in found if isinstance(each, Document)) >= 20


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("name", "pages", "broken"),
    [
        ("example.warc.gz", 1, 0),
        ("example.warc", 1, 0),
        ("example-bad-non-chunked.warc.gz", 1, 0),
        ("example-bad.warc.gz.bad", 1, 0),
        ("example-iana.org-chunked.warc", 1, 0),
        ("example-resource.warc.gz", 1, 0),
        ("example-trunc.warc", 0, 1),
        ("example-wget-bad-target-uri.warc.gz", 1, 0),
        ("example-wrong-chunks.warc.gz", 0, 1),  # edited by hand: its digest does not hold
        ("example.arc.gz", 0, 1),
        ("post-test.warc.gz", 0, 0),
    ],
)
def test_malformed_archives(warcs: Path, tmp_path: Path, name: str, pages: int, broken: int) -> None:
    (path,) = (tmp_path / "warcio").rglob(name)
    found = list(Crawl(path=str(path)).documents(Machine(workers=1)))
    assert (len(urls(found)), len(reasons(found))) == (pages, broken)


def test_a_file_of_records_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SMALLEST", 1_000_000)
    record = b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    (damage,) = captures(io.BytesIO(gzip.compress(record * 20_000)), lambda url: True)
    assert isinstance(damage, Damage)
    assert damage.reason.endswith("bytes unpack to more than 1 MB")
