"""Removes details from a ledger in which an error or a filter of your own may quote purged documents."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from corpora.ledger.ledger import LEDGER, Row, read_ledger

QUOTING = ("error", "time")  # reasons with the message of an error as their detail
COLUMNS_READ = ("id", "action", "stage", "reason", "detail", "split", "part")


def quotes(row: Row) -> bool:
    """Whether a row's detail may quote its document; filters that ship name counts and kinds alone."""
    return bool(row["detail"]) and (":" in row["stage"] or row["reason"] in QUOTING)


def blank_details(corpus: Path, ids: Collection[str]) -> bool:
    """Leave no detail in the rows of these documents that may quote them; a row group in memory, the file replaced
    whole or not at all. Whether there was any.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = corpus / LEDGER
    if not path.exists() or not any(quotes(row) for row in read_ledger(path, id=ids, columns=COLUMNS_READ)):
        return False
    aside = path.with_name(f".{path.name}.purge")
    names, reasons = pa.array(sorted(ids), pa.string()), pa.array(QUOTING)
    with pq.ParquetFile(path) as before, pq.ParquetWriter(aside, before.schema_arrow, compression="zstd") as after:
        for group in range(before.num_row_groups):
            table = before.read_row_group(group)
            quoting = pc.or_(pc.match_substring(table["stage"], ":"), pc.is_in(table["reason"], value_set=reasons))
            own = pc.and_(pc.is_in(table["id"], value_set=names), quoting)
            details = pc.if_else(own, pa.scalar("", pa.string()), table["detail"])
            at = table.schema.get_field_index("detail")
            after.write_table(table.set_column(at, table.schema.field(at), details))
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, path)
    return True
