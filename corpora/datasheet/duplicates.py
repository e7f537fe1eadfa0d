"""Who repeats whom: groups of duplicates, the largest of them, clusters that stayed, and sources that share texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from corpora.ledger import read_ledger

SHOWN = 10  # of the largest groups and clusters


def duplicates(ledger: Path) -> dict[str, Any]:
    """Two passes over a ledger; 12 bytes in memory for each duplicate, 8 for each document that was kept.

    ``dropped`` by stage; ``groups`` of duplicates (a kept document and what it stands for) and the ``largest``;
    ``between``: documents of a source dropped in favour of another's (or its own); ``clusters`` among the kept that
    hold more than one document, and the largest of them.
    """
    sources: dict[str, int] = {}
    lost, clusters, stages = [], [], Counter[str]()
    columns = ("id", "source", "stage", "action", "duplicate_of", "cluster")
    for row in read_ledger(ledger, columns=columns):
        if row["duplicate_of"] is not None:
            lost.append((key(row["duplicate_of"]), sources.setdefault(row["source"], len(sources))))
            stages[row["stage"]] += 1
        elif row["action"] == "kept":
            sources.setdefault(row["source"], len(sources))
            clusters.append(key(row["cluster"]))
    of = np.fromiter((hashed for hashed, _ in lost), np.uint64, len(lost))
    from_source = np.fromiter((code for _, code in lost), np.int32, len(lost))
    groups, sizes = np.unique(of, return_counts=True)
    kin, members = np.unique(np.fromiter(clusters, np.uint64, len(clusters)), return_counts=True)
    wanted = {int(groups[i]): int(sizes[i]) for i in largest(groups, sizes)}
    wanted_kin = {int(kin[i]): int(members[i]) for i in largest(kin, members) if members[i] > 1}
    owner, names, kin_names = np.full(len(groups), -1, np.int32), {}, {}
    for row in read_ledger(ledger, columns=("id", "source", "action")):
        if row["action"] == "changed":
            continue
        hashed = key(row["id"])
        place = int(np.searchsorted(groups, np.uint64(hashed)))
        if place < len(groups) and groups[place] == hashed:
            owner[place] = sources.setdefault(row["source"], len(sources))
        if hashed in wanted:
            names[row["id"]] = {"source": row["source"], "duplicates": wanted[hashed]}
        if hashed in wanted_kin:
            kin_names[row["id"]] = {"source": row["source"], "documents": wanted_kin[hashed]}
    to_source = owner[np.searchsorted(groups, of)] if len(groups) else from_source
    pairs = Counter(zip(from_source.tolist(), to_source.tolist(), strict=True))
    title = {code: name for name, code in sources.items()} | {-1: "(not in this corpus)"}
    between = [{"source": title[a], "in_favour_of": title[b], "documents": n} for (a, b), n in pairs.items()]
    return {
        "dropped": dict(sorted(stages.items())),
        "groups": len(groups),
        "largest": listed(names, "duplicates"),
        "between": sorted(between, key=lambda row: (-row["documents"], row["source"], row["in_favour_of"])),
        "clusters": int((members > 1).sum()),
        "largest_clusters": listed(kin_names, "documents"),
    }


def key(name: str) -> int:
    """An id as 64 bits; two of a billion ids share them with a chance of 3%, and then a count is off by one."""
    return xxhash.xxh3_64_intdigest(name.encode())


def largest(groups: np.ndarray, sizes: np.ndarray) -> list[int]:
    """The places of the largest groups; of equal ones the first by hash, so the same ones always."""
    return [int(place) for place in np.lexsort((groups, -sizes))[:SHOWN]]


def listed(rows: dict[str, dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """The rows with their ids, largest first."""
    return sorted(({"id": name, **row} for name, row in rows.items()), key=lambda row: (-row[by], row["id"]))
