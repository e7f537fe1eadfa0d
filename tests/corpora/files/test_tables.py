"""CSV, TSV and Parquet, whole and broken."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from corpora.document import Document, Quarantined
from tests.corpora.files.reading import broken, read_documents, texts


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
    one, two = read_documents(path)
    assert isinstance(one, Document)
    assert isinstance(two, Document)
    assert (one.text, one.date, one.id) == ('say "hi",\nthen go', "2024-01-01", "a/a.csv:2")
    assert (two.text, two.date) == (long, None)


def test_csv_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'text,date\ngood,2024-01-01\ntoo, many,2024-01-01\ncaf\xe9,\nfew\n"stray" quote,\nfine,\n"open,\na,\nb,\n'
    )
    items = read_documents(path)
    assert texts(items) == ["good", "few", "fine"]
    told = [(q.place.rpartition(":")[2], q.reason.partition(" (")[0], q.records) for q in broken(items)]
    assert told == [
        ("3", "has more fields than the header", 1), ("4", "is not UTF-8", 1), ("6", "is no CSV", 1),
        ("8", "is no CSV", 3),
    ]  # fmt: skip


def test_csv_in_another_encoding(tmp_path: Path) -> None:
    rows = [["text", "größe"], ["Übung €", "1"], ["Café", "2"]]
    path = write_csv(tmp_path / "a.csv", rows, "cp1252")
    (item,) = read_documents(path)
    assert isinstance(item, Quarantined)
    assert (item.place, item.reason) == (f"{path}:1", "the header is not UTF-8")
    assert texts(read_documents(path, encoding="cp1252")) == ["Übung €", "Café"]
    assert texts(read_documents(write_csv(path, rows, "utf-16"), encoding="utf-16")) == ["Übung €", "Café"]


def test_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('id\ttext\n1\tone, two\n2\t"with\ttab"\n')
    assert texts(read_documents(path)) == ["one, two", "with\ttab"]


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    rows = [{"text": f"t{i}", "meta": {"date": "2024-01-01"}} for i in range(600)]
    write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    items = read_documents(tmp_path / "a.parquet", date="meta.date")
    assert texts(items) == [f"t{i}" for i in range(600)]
    assert items[599].id == "a/a.parquet:600"


def test_a_line_of_more_fields_than_any_table_has(tmp_path: Path) -> None:
    for name, rows in (("a.csv", "," * 2_000_000), ("b.csv", "text\ngood\n" + "," * 2_000_000)):
        (tmp_path / name).write_text(rows)
        (bad,) = broken(read_documents(tmp_path / name))
        assert "a line has more than 100,000 fields" in bad.reason
