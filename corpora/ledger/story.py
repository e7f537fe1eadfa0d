"""One document's history in sentences, from its rows of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from corpora.ledger.ledger import Row, read_ledger

SHOWN = 10  # documents named where there are many


def story(rows: list[Row], ledger: Path) -> Iterator[str]:
    """Where it came from, what each stage did to it, and its duplicates."""
    last = rows[-1]
    yield last["id"]
    yield origin(last)
    for row in rows:
        yield sentence(row)
    if (original := last["duplicate_of"]) is not None:
        yield f"The document that it repeats: {fate(original, ledger)}."
    if last["action"] == "kept":
        yield from relatives(last, ledger)


def origin(row: Row) -> str:
    """Where a document came from; what is not known is said to be so."""
    source = f"Source: {row['source']} ({row['part']})"
    if row["stage"] == "collect":
        return f"{source}."
    size = "" if row["bytes"] is None else f", {row['bytes']:,} bytes"
    terms = f"licence {row['licence'] or 'unknown'}, dated {row['date'] or 'unknown'}"
    language = f", language {row['language']}" if row["language"] else ""
    address = f", {row['url']}" if row["url"] else ""
    return f"{source}{address}; {terms}{language}{size}."


def sentence(row: Row) -> str:
    """What one stage did to it."""
    detail = f" ({row['detail']})" if row["detail"] else ""
    score = "" if row["score"] is None or f"{row['score']:.2f}" in row["detail"] else f" Score {row['score']:.4g}."
    match row["action"]:
        case "kept":
            return f"Kept in {row['split']} with {row['bytes_kept']:,} bytes, in cluster {row['cluster']}."
        case "dropped" if row["duplicate_of"] is not None:
            return f"{row['stage']} dropped it: {row['reason']} of {row['duplicate_of']}{detail}.{score}"
        case "dropped" if row["stage"] == "collect":
            return f"Left out while collecting: {row['reason']}."
        case "quarantined" if row["stage"] == "collect":
            return f"Unreadable while collecting: {row['reason']}."
        case action:
            return f"{row['stage']} {action} it: {row['reason']}{detail}.{score}"


def fate(name: str, ledger: Path) -> str:
    """What became of another document."""
    rows = [row for row in read_ledger(ledger, id=name) if row["action"] != "changed"]
    if not rows:
        return f"{name} is not in this ledger"
    row = rows[-1]
    return f"{name} ({row['source']}): " + (f"kept in {row['split']}" if row["action"] == "kept" else row["reason"])


def relatives(row: Row, ledger: Path) -> Iterator[str]:
    """Which duplicates were dropped in favour of a kept document, and which others are in its cluster."""
    rows = read_ledger(ledger, duplicate_of=row["id"], columns=("id", "source", "reason"))
    duplicates = [f"{each['id']} ({each['source']}, {each['reason']})" for each in rows]
    if duplicates:
        yield f"{len(duplicates):,} dropped in its favour: {first_few(duplicates)}."
    cluster = (each["id"] for each in read_ledger(ledger, cluster=row["cluster"], action="kept", columns=("id",)))
    if others := [name for name in cluster if name != row["id"]]:
        yield f"In the same cluster, so always in the same split: {first_few(others)}."


def first_few(names: list[str]) -> str:
    """The first few, and how many more."""
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(islice(names, SHOWN)) + more
