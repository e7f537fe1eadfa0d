"""What came, what went, and why: a line for every document that was dropped or changed, and counts that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

Of = tuple[str, str]  # part, source


def entry(document: dict[str, Any], action: str, by: str, reason: str, detail: str) -> dict[str, Any]:
    """A ledger line: which document, dropped or changed, by what, why. ``bytes`` are of the text as it came in."""
    named = {key: document[key] for key in ("id", "part", "source", "bytes")}
    return {**named, "action": action, "by": by, "reason": reason, "detail": detail}


def counted(
    inventory: Iterable[dict[str, Any]], ledger: Iterable[dict[str, Any]], kept: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """The counts of a curation, from three independent lists: what Raw held, the ledger, and what was written.

    ``kept`` rows carry ``source``, ``part``, ``split`` and ``bytes``. Raises ``RuntimeError`` where, for any
    source, in = out + dropped does not hold: then a document was lost, and the corpus must not be used.
    """
    came, went, stayed = Counter[Of](), Counter[Of](), Counter[Of]()
    sizes = Counter[str]()
    dropped, changed = Counter[str](), Counter[str]()
    splits: dict[str, dict[str, dict[str, int]]] = {}
    for row in inventory:
        came[row["part"], row["source"]] += 1
        sizes["in"] += row["bytes"]
    for row in ledger:
        if row["action"] == "dropped":
            went[row["part"], row["source"]] += 1
            dropped[row["reason"]] += 1
        else:
            changed[row["reason"]] += 1
    for row in kept:
        stayed[row["part"], row["source"]] += 1
        sizes["out"] += row["bytes"]
        part = splits.setdefault(row["split"], {}).setdefault(row["part"], {"documents": 0, "bytes": 0})
        part["documents"] += 1
        part["bytes"] += row["bytes"]
    sources: dict[str, Counter[str]] = {}
    for of in sorted(came | went | stayed):
        if came[of] != stayed[of] + went[of]:
            balance = f"{came[of]:,} in, {stayed[of]:,} out, {went[of]:,} dropped"
            raise RuntimeError(f"the documents of {of[1]} ({of[0]}) do not add up: {balance}")
        sources.setdefault(of[1], Counter()).update({"in": came[of], "out": stayed[of], "dropped": went[of]})
    return {
        "documents_in": sum(came.values()),
        "documents_out": sum(stayed.values()),
        "bytes_in": sizes["in"],
        "bytes_out": sizes["out"],
        "dropped": dict(sorted(dropped.items())),
        "changed": dict(sorted(changed.items())),
        "splits": splits,
        "sources": {source: dict(counts) for source, counts in sources.items()},
    }
