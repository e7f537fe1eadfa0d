"""Parquet: small files that stand for much, and files that lie about their sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow.parquet import ParquetFile, write_table

from corpora.files.parquet import batches, local, parquet
from corpora.files.parquet_pages import page_headers
from tests.corpora.files.reading import broken, read_documents, texts

HOME = Path(__file__).resolve().parents[3]
LONG = "x" * 4_000_000
CHILD = """
import resource, sys
import pyarrow.compute
from corpora.files.parquet import parquet
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def rows(path):
    with open(path, "rb") as file:
        try:
            return sum(isinstance(record, dict) for _, record in parquet(file))
        except OSError as error:
            return str(error)
rows(sys.argv[1])
before = peak()
print(rows(sys.argv[2]), peak() - before, sep=";")
"""


def write(path: Path, columns: dict[str, Any], **settings: Any) -> Path:
    settings = {"compression": "zstd", "dictionary_pagesize_limit": 100_000_000, "store_schema": False, **settings}
    write_table(pyarrow.table(columns), path, **settings)
    return path


@pytest.mark.parametrize(
    ("columns", "settings"),
    [
        pytest.param({"text": [LONG] * 128}, {}, marks=pytest.mark.soak),
        ({"text": [""] * 100_000 + [LONG] * 128}, {}),
        pytest.param({"meta": [{"text": LONG}] * 128}, {}, marks=pytest.mark.soak),
        pytest.param({"text": [[LONG] * 128]}, {}, marks=pytest.mark.soak),
        ({"meta": [{"parts": [{"text": LONG}] * 128}]}, {}),
        ({"text": [LONG] * 128}, {"column_encoding": {"text": "DELTA_BYTE_ARRAY"}, "use_dictionary": False}),
        pytest.param(
            {"text": [LONG + str(n) for n in range(128)]},
            {"use_dictionary": False, "data_page_size": 1000},
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_small_file_that_stands_for_much_takes_little_memory(
    tmp_path: Path, columns: dict[str, Any], settings: dict[str, Any]
) -> None:
    small = write(tmp_path / "small.parquet", {"text": ["one"]})
    path = write(tmp_path / "large.parquet", columns, **settings)
    assert path.stat().st_size < 300_000
    command = [sys.executable, "-c", CHILD, str(small), str(path)]
    answer = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    result, megabytes = answer.stdout.split(";")
    assert result == "0" or "bytes unpack to more than 200 MB" in result
    assert int(megabytes) < 200


def test_what_a_small_file_may_not_unpack_to_is_quarantined(tmp_path: Path) -> None:
    items = read_documents(write(tmp_path / "a.parquet", {"text": [LONG] * 60}))
    assert len(texts(items)) >= 32
    (bad,) = broken(items)
    assert bad.reason.endswith("bytes unpack to more than 200 MB)")
    items = read_documents(write(tmp_path / "b.parquet", {"text": [["x" * 1_000_000] * 101]}), text="text[*]")
    assert [each.reason for each in broken(items)] == ["is larger than 100 MB"]


def test_lists_of_many_values_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.files.parquet.MOST_LISTED", 100)
    items = read_documents(write(tmp_path / "a.parquet", {"text": [["a"] * 101]}), text="text[*]")
    assert "column text.list.element holds more than 100 values" in broken(items)[0].reason


def test_ordinary_rows_are_read_many_at_a_time(tmp_path: Path) -> None:
    rows = {"text": [f"{n} " + "word " * 500 for n in range(5_000)], "n": list(range(5_000))}
    with write(tmp_path / "a.parquet", rows, compression="snappy").open("rb") as file:
        metadata = ParquetFile(file).metadata
        with local(file, metadata, 0) as near:
            assert next(batches(near, metadata, 0)).num_rows == 256
        assert [record["n"] for _, record in parquet(file) if isinstance(record, dict)] == rows["n"]


def test_a_page_that_is_too_large_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.files.parquet_pages.LARGEST_PAGE", 1_000_000)
    items = read_documents(write(tmp_path / "a.parquet", {"text": [LONG]}))
    assert "a page unpacks to 4,000,004 bytes, more than 1,000,000" in broken(items)[0].reason


def test_headers_of_pages_are_as_the_writer_counts_them(tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        path = write(
            tmp_path / "a.parquet", {"n": list(range(70_000))}, data_page_version=version, data_page_size=100_000
        )
        with path.open("rb") as file:
            column = ParquetFile(file).metadata.row_group(0).column(0)
            start = column.dictionary_page_offset
            headers = [*page_headers(file, start, start + column.total_compressed_size)]
        assert headers[0].dictionary
        assert sum(each.values for each in headers if not each.dictionary) == 70_000
        assert headers[1].indexes
        assert headers[-1].end == start + column.total_compressed_size


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_quarantined_and_nothing_else(tmp_path: Path, seed: int) -> None:
    import random

    generator = random.Random(seed)
    data = bytearray(write(tmp_path / "a.parquet", {"text": [f"text {n}" for n in range(300)]}).read_bytes())
    for _ in range(1 + seed % 4):
        data[generator.randrange(len(data))] = generator.randrange(256)
    (tmp_path / "b.parquet").write_bytes(data)
    items = read_documents(tmp_path / "b.parquet")
    assert len(items) <= 302
