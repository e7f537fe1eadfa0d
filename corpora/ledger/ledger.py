"""Every document's outcome in Parquet, and counts that are checked to add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

Row = dict[str, Any]
PartSource = tuple[str, str]  # part, source

LEDGER = "ledger.parquet"
COLUMNS = (
    "id", "part", "source", "url", "licence", "date", "language", "confidence", "bytes", "stage", "action", "reason",
    "detail", "score", "duplicate_of", "split", "bytes_kept", "cluster", "shard",
)  # fmt: skip
NUMBERS = {
    "bytes": "int64",
    "bytes_kept": "int64",
    "score": "float64",
    "confidence": "float64",
}  # all other columns are strings
BATCH, GROUP = 5_000, 10  # rows in memory as dicts, about 2 kB each; such batches in a row group: 50,000 rows


def entry(
    document: Mapping[str, Any], *, stage: str, action: str, reason: str = "", detail: str = "",
    score: float | None = None, duplicate_of: str | None = None, split: str | None = None,
    bytes_kept: int | None = None, cluster: str | None = None,
) -> Row:  # fmt: skip
    """A row of the ledger: what a stage did to a document, and why.

    ``action`` is ``changed``, or the document's outcome: ``kept``, ``dropped`` or ``quarantined``. ``document`` has
    ``id``, ``part``, ``source``, ``url``, ``licence``, ``date``, ``language``, the ``confidence`` in it, ``bytes`` (of
    the text as it came) and ``shard``; what it lacks is null. The last three arguments are of a kept document.
    """
    own = {name: document.get(name) for name in COLUMNS[:9]}
    event = {"stage": stage, "action": action, "reason": reason, "detail": detail, "score": score}
    outcome = {"duplicate_of": duplicate_of, "split": split, "bytes_kept": bytes_kept, "cluster": cluster}
    return {**own, **event, **outcome, "shard": document.get("shard")}


def write_ledger(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as Parquet, zstd, dictionary-encoded; equal rows give equal bytes. A few MB in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, NUMBERS.get(name, "string")) for name in COLUMNS])
    stream = iter(rows)
    chunks = iter(lambda: list(islice(stream, BATCH)), [])
    batches = (pa.RecordBatch.from_pylist(chunk, schema=schema) for chunk in chunks)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(batches, GROUP)):
            writer.write_table(pa.Table.from_batches(group), row_group_size=BATCH * GROUP)


def join_ledgers(path: Path, parts: Iterable[Path]) -> None:
    """One ledger of many, in their order; the rows of a group are in memory, compressed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, NUMBERS.get(name, "string")) for name in COLUMNS])
    waiting: list[Any] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            waiting.append(pq.read_table(part))
            if sum(map(len, waiting)) >= BATCH * GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting.clear()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def read_ledger(
    path: Path, *, columns: Collection[str] | None = None, reason: str | None = None,
    **wanted: str | Collection[str] | None,
) -> Iterator[Row]:  # fmt: skip
    """The rows in their order, a few thousand in memory: those whose every column in ``wanted`` holds the value, or
    one of the values. A ``reason`` such as ``quality`` also finds ``quality: too few words``.
    """
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    condition = None
    for name, value in wanted.items():
        if value is not None:
            one = pc.field(name) == value if isinstance(value, str) else pc.field(name).isin(list(value))
            condition = one if condition is None else condition & one
    if reason is not None:
        below = (pc.field("reason") == reason) | pc.starts_with(pc.field("reason"), f"{reason}:")
        condition = below if condition is None else condition & below
    scanner = ds.dataset(path, format="parquet").scanner(
        columns=list(columns or COLUMNS), filter=condition, batch_size=BATCH, batch_readahead=1, use_threads=False
    )
    for batch in scanner.to_batches():
        yield from batch.to_pylist()


def counted(inventory: Iterable[Row], ledger: Iterable[Row], written: Iterable[Row]) -> dict[str, Any]:
    """The counts of a curation, from three independent lists: what Raw held, the ledger, and what was written.

    ``written`` rows carry ``source``, ``part``, ``split`` and ``bytes``. A row of it, or of the ledger, counts as many
    ``documents`` as it says, else for one. Raises ``RuntimeError`` where, for any source, in = out + dropped +
    quarantined does not hold, or the ledger's kept are not those written: then a document was lost, and the corpus must
    not be used. What was left out while collecting never came in and is not counted.
    """
    came, stayed = Counter[PartSource](), Counter[PartSource]()
    by_action = {action: Counter[PartSource]() for action in ("kept", "dropped", "quarantined", "changed")}
    reasons = {action: Counter[str]() for action in by_action}
    sizes = Counter[str]()
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for row in inventory:
        came[row["part"], row["source"]] += 1
        sizes["in"] += row["bytes"]
    for row in ledger:
        if row["stage"] != "collect":
            by_action[row["action"]][row["part"], row["source"]] += row.get("documents", 1)
            reasons[row["action"]][row["reason"]] += row.get("documents", 1)
    for row in written:
        stayed[row["part"], row["source"]] += row.get("documents", 1)
        sizes["out"] += row["bytes"]
        part = splits.setdefault(row["split"], {}).setdefault(row["part"], {"documents": 0, "bytes": 0})
        part["documents"] += row.get("documents", 1)
        part["bytes"] += row["bytes"]
    sources: dict[str, Counter[str]] = {}
    dropped, quarantined = by_action["dropped"], by_action["quarantined"]
    for of in sorted(came | dropped | quarantined | stayed | by_action["kept"]):
        if came[of] != stayed[of] + dropped[of] + quarantined[of] or stayed[of] != by_action["kept"][of]:
            balance = (
                f"{came[of]:,} in, {stayed[of]:,} out, {dropped[of]:,} dropped, {quarantined[of]:,} quarantined, "
                f"{by_action['kept'][of]:,} kept by the ledger"
            )
            raise RuntimeError(f"the documents of {of[1]} ({of[0]}) do not add up: {balance}")
        numbers = {"in": came[of], "out": stayed[of], "dropped": dropped[of], "quarantined": quarantined[of]}
        sources.setdefault(of[1], Counter()).update(numbers)
    return {
        "documents_in": sum(came.values()),
        "documents_out": sum(stayed.values()),
        "bytes_in": sizes["in"],
        "bytes_out": sizes["out"],
        **{action: dict(sorted(reasons[action].items())) for action in ("dropped", "changed")},
        "quarantined": sum(quarantined.values()),
        "splits": splits,
        "sources": {source: dict(counts) for source, counts in sources.items()},
    }
