"""Filtered shards made by hand, as the first pass over the text leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from corpora.dedup.bucket_pass import find_buckets
from corpora.dedup.candidates import Candidates, candidates_of
from domain.machine import Machine

Row = tuple[str, str, str | None]  # source, id, date


def filtered_shard(
    folder: Path, rows: Sequence[Row], raw: np.ndarray, passed: Sequence[int],
    changed: dict[int, np.ndarray] | None = None, passages: Sequence[tuple[int, int]] = (),
    matches: Sequence[tuple[int, int]] = (),
) -> str:  # fmt: skip
    """``raw`` is uint64 [documents, 16], keys and bands; ``changed`` those of documents that a filter changed;
    ``passages`` and ``matches`` name documents by their places among those that passed."""
    folder.mkdir(parents=True)
    changed = changed or {}
    after = np.array(list(changed.values()), np.uint64).reshape(-1, 16)
    np.savez(
        folder / "signatures.npz", raw_keys=raw[:, :2], raw_bands=raw[:, 2:], rows=np.array(passed, np.int64),
        changed=np.searchsorted(passed, list(changed)), keys=after[:, :2], bands=after[:, 2:],
        matches=np.array(matches, np.int64).reshape(-1, 2), passages=np.array(passages, np.uint64).reshape(-1, 2),
    )  # fmt: skip
    source, ids, date = zip(*rows, strict=True)
    (folder / "columns.json").write_bytes(orjson.dumps({"source": source, "id": ids, "date": date}))
    return str(folder)


def candidates_in(folder: Path, names: Sequence[str], shards: Sequence[str]) -> Candidates:
    """Their columns, with buckets; ``names`` are those of the shards of Raw."""
    candidates = candidates_of(names, shards, folder / "columns")
    find_buckets(candidates.folder, candidates.signatures, Machine(workers=1), folder / "logs")
    return candidates
