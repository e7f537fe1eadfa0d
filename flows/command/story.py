"""One document's story in sentences, from its rows of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from corpora.ledger import Row, read_ledger

SHOWN = 10  # documents that are named where many went in favour of one


def trail(rows: list[Row], ledger: Path) -> Iterator[str]:
    """Where it came from, what each stage said, and its duplicates."""
    last = rows[-1]
    yield last["id"]
    yield origin(last)
    for row in rows:
        yield sentence(row)
    if (of := last["duplicate_of"]) is not None:
        yield f"The one that it repeats: {fate(of, ledger)}."
    if last["action"] == "kept":
        yield from favoured(last, ledger)


def origin(row: Row) -> str:
    """Where a document came from; what is not known is said to be so."""
    if row["stage"] == "collect":
        return f"It stands in the source {row['source']} of {row['part']} text."
    size = "" if row["bytes"] is None else f", {row['bytes']:,} bytes"
    known = f"licence {row['licence'] or 'unknown'}, dated {row['date'] or 'unknown'}"
    language = f", language {row['language']}" if row["language"] else ""
    address = f", from {row['url']}" if row["url"] else ""
    return f"It came as {row['part']} text from the source {row['source']}{address}: {known}{language}{size}."


def sentence(row: Row) -> str:
    """What one stage did to it."""
    detail = f" ({row['detail']})" if row["detail"] else ""
    score = "" if row["score"] is None or f"{row['score']:.2f}" in row["detail"] else f" Score {row['score']:.4g}."
    match row["action"]:
        case "kept":
            return f"It was kept in {row['split']} with {row['bytes_kept']:,} bytes, in the cluster {row['cluster']}."
        case "dropped" if row["duplicate_of"] is not None:
            return f"{row['stage']} dropped it: {row['reason']} of {row['duplicate_of']}{detail}.{score}"
        case "dropped" if row["stage"] == "collect":
            return f"It was left out while collecting: {row['reason']}."
        case "quarantined" if row["stage"] == "collect":
            return f"It could not be read while collecting: {row['reason']}."
        case action:
            return f"{row['stage']} {action} it: {row['reason']}{detail}.{score}"


def fate(name: str, ledger: Path) -> str:
    """What became of another document."""
    found = [row for row in read_ledger(ledger, id=name) if row["action"] != "changed"]
    if not found:
        return f"{name} is not in this ledger"
    row = found[-1]
    return f"{name} ({row['source']}) was " + (f"kept in {row['split']}" if row["action"] == "kept" else row["reason"])


def favoured(row: Row, ledger: Path) -> Iterator[str]:
    """Who was dropped in favour of a kept document, and who else is of its cluster."""
    columns = ("id", "source", "reason")
    gone = read_ledger(ledger, duplicate_of=row["id"], columns=columns)
    lost = [f"{each['id']} ({each['source']}, {each['reason']})" for each in gone]
    if lost:
        yield f"{len(lost):,} went in its favour: {listed(lost)}."
    kin = (r["id"] for r in read_ledger(ledger, cluster=row["cluster"], action="kept", columns=("id",)))
    if others := [name for name in kin if name != row["id"]]:
        yield f"Of the same cluster, so never in another split: {listed(others)}."


def listed(names: list[str]) -> str:
    """The first few, and how many more."""
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(islice(names, SHOWN)) + more
