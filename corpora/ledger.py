"""What came, what went, and why: a line for every document that was dropped or changed, and counts that add up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def entry(document: dict[str, Any], action: str, by: str, reason: str, detail: str) -> dict[str, Any]:
    """A ledger line: which document, dropped or changed, by what, why. ``bytes`` are of the text as it came in."""
    named = {key: document[key] for key in ("id", "part", "source", "bytes")}
    return {**named, "action": action, "by": by, "reason": reason, "detail": detail}


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON Lines, keys sorted."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def counted(
    inventory: Iterable[dict[str, Any]], ledger: Iterable[dict[str, Any]], kept: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """The counts of a curation, from three independent lists: what Raw held, the ledger, and what was written.

    ``kept`` rows carry ``source``, ``part``, ``split`` and ``bytes``. Raises ``RuntimeError`` where, for any
    source, in = out + dropped does not hold: then a document was lost, and the corpus must not be used.
    """
    came, went, stayed = Counter[str](), Counter[str](), Counter[str]()
    sizes = Counter[str]()
    dropped, changed = Counter[str](), Counter[str]()
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for row in inventory:
        came[row["source"]] += 1
        sizes["in"] += row["bytes"]
    for row in ledger:
        if row["action"] == "dropped":
            went[row["source"]] += 1
            dropped[row["reason"]] += 1
        else:
            changed[row["reason"]] += 1
    for row in kept:
        stayed[row["source"]] += 1
        sizes["out"] += row["bytes"]
        part = splits.setdefault(row["split"], {}).setdefault(row["part"], {"documents": 0, "bytes": 0})
        part["documents"] += 1
        part["bytes"] += row["bytes"]
    for source in came | went | stayed:
        if came[source] != stayed[source] + went[source]:
            balance = f"{came[source]:,} in, {stayed[source]:,} out, {went[source]:,} dropped"
            raise RuntimeError(f"the documents of {source} do not add up: {balance}")
    return {
        "documents_in": sum(came.values()),
        "documents_out": sum(stayed.values()),
        "bytes_in": sizes["in"],
        "bytes_out": sizes["out"],
        "dropped": dict(sorted(dropped.items())),
        "changed": dict(sorted(changed.items())),
        "splits": splits,
        "sources": {s: {"in": came[s], "out": stayed[s], "dropped": went[s]} for s in sorted(came)},
    }
