"""Which columns of a Parquet file are read, and times that no calendar holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpora.document import Document
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import broken, read_documents, texts

DAY = 1_704_412_800  # 2024-01-05, in seconds
FAR = 253_402_300_800  # the first second of the year 10000


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({"text": ["one", "two"], **columns}), path)
    return path


def unknown_zone(seconds: list[int]) -> Any:
    return pa.array(seconds, pa.timestamp("s")).view(pa.timestamp("s", "Mars/Olympus"))


BAD = {
    "beyond the calendar": pa.array([FAR, DAY], pa.timestamp("s")),
    "in another unit": pa.array([DAY * 10**6] * 2, pa.timestamp("ms")),
    "before the calendar": pa.array([-(10**14), DAY], pa.timestamp("s")),
    "beyond it in UTC": pa.array([FAR, DAY], pa.timestamp("s", "UTC")),
    "days beyond": pa.array([10**8, 19_727], pa.date32()),
    "an unknown zone": unknown_zone([DAY, DAY]),
    "a record": pa.array([{"at": FAR}, {"at": DAY}], pa.struct([("at", pa.timestamp("s"))])),
    "a list": pa.array([[FAR], [DAY]], pa.list_(pa.timestamp("s"))),
    "of no unit": pa.array([10**15, 1], pa.duration("s")),
}


@pytest.mark.parametrize("name", BAD)
def test_a_column_that_nobody_asks_for_costs_nothing(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", fetched=BAD[name])
    assert texts(read_documents(path)) == ["one", "two"]
    hub = Hub(kind="hub", dataset=str(path))
    assert [item.text for item in hub.documents(Machine()) if isinstance(item, Document)] == ["one", "two"]


@pytest.mark.parametrize("name", BAD)
def test_a_date_that_no_calendar_holds_leaves_its_row_undated(tmp_path: Path, name: str) -> None:
    column = {"a record": "date.at", "a list": "date[0]"}.get(name, "date")
    first, second = read_documents(write(tmp_path / "a.parquet", date=BAD[name]), date=column)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    days = {
        "an unknown zone": ("2024-01-05", "2024-01-05"),
        "in another unit": (None, None),
        "of no unit": (None, None),
    }
    assert (first.date, second.date) == days.get(name, (None, "2024-01-05"))
    assert (first.unread_date is None) == (first.date is not None)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_times_count_in_the_zone_of_their_column(tmp_path: Path, unit: str, zone: str | None) -> None:
    night = (DAY + 20 * 3_600) * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    items = read_documents(write(tmp_path / "a.parquet", date=pa.array([night] * 2, pa.timestamp(unit, zone))))
    assert {item.date for item in items if isinstance(item, Document)} == {
        "2024-01-06" if zone == "Asia/Tokyo" else "2024-01-05"
    }


def test_records_and_lists_are_reached_and_the_rest_of_them_is_not_read(tmp_path: Path) -> None:
    meta = pa.array([{"body": "t", "when": DAY, "never": FAR, "license": "mit"}] * 2, pa.struct([
        ("body", pa.string()), ("when", pa.timestamp("s")), ("never", pa.timestamp("s")), ("license", pa.string()),
    ]))  # fmt: skip
    parts = pa.array([[{"p": "a"}, {"p": "b"}]] * 2)
    path = write(tmp_path / "a.parquet", meta=meta, parts=parts, **{"x.y": pa.array(["dotted"] * 2)})
    one, _ = read_documents(path, text="meta.body", date="meta.when")
    assert isinstance(one, Document)
    assert (one.text, one.date, one.licence) == ("t", "2024-01-05", "mit")
    assert texts(read_documents(path, text="parts[*].p")) == ["a\n\nb"] * 2
    assert texts(read_documents(path, text="x.y")) == ["dotted"] * 2


def test_a_text_column_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "b.parquet", fetched=BAD["beyond the calendar"])
    with pytest.raises(UserError, match="no column body; the columns are text, fetched"):
        read_documents(tmp_path / "b.parquet", text="body")
    write(tmp_path / "a.parquet", body=pa.array(["x", "y"]))
    items = read_documents(tmp_path / "*.parquet", text="body")
    assert texts(items) == ["x", "y"]
    assert [(bad.reason, bad.records) for bad in broken(items)] == [("column body is not there", 1)] * 2
