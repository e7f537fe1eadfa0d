"""SQL over a ledger by DuckDB, which uses disk where memory does not suffice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from corpora.ledger.ledger import Row

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"  # of DuckDB; what does not fit is written to the scratch folder


class LedgerQuery:
    """The rows of a ledger as the table ``ledger``; see ``corpora.ledger.ledger.COLUMNS``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """The rows of a query, a few thousand in memory; ``?`` in it stand for ``values``."""
        answer = self.connection.execute(query, list(values))
        names = [column[0] for column in answer.description or ()]
        while batch := answer.fetchmany(5_000):
            for row in batch:
                yield dict(zip(names, row, strict=True))

    def number(self, query: str) -> int:
        """The one number that a query answers."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def counts(self, *columns: str, where: str = "true", sizes: str = "0") -> Iterator[Row]:
        """By group of columns ``documents`` and ``bytes`` (the sum of ``sizes``), the groups with the most first."""
        group = ", ".join(columns)
        order = ", ".join(str(1 + place) for place in range(len(columns)))
        return self.rows(
            f"SELECT {group}, count(*) AS documents, coalesce(sum({sizes}), 0)::BIGINT AS bytes FROM ledger "  # noqa: S608
            f"WHERE {where} GROUP BY ALL ORDER BY documents DESC, {order}"
        )


@contextmanager
def open_ledger(path: Path, scratch: Path) -> Iterator[LedgerQuery]:
    """A ledger for queries; ``scratch`` is a folder of the caller's own, used where memory does not suffice."""
    import duckdb
    import pyarrow.dataset as ds

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY, "temp_directory": str(scratch), "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }  # fmt: skip
    connection = duckdb.connect(":memory:", config=settings)
    try:
        # Through Arrow: DuckDB itself would read a path with [ or * in it as a pattern.
        connection.register("ledger", ds.dataset(path, format="parquet"))
        yield LedgerQuery(connection)
    finally:
        connection.close()
