"""What the first pass over the text has left of all documents, as columns: whose they are, and their signatures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import xxhash

from corpora.ledger import PartSource


@dataclass
class Candidates:
    """All documents of Raw, numbered in the order of shards; the candidates are those that passed the filters.

    Arrays over all documents begin with ``raw``; all others are over the candidates, which have numbers of their own.
    """

    sources: list[PartSource] = field(default_factory=list)  # in the recipe's order
    raw_starts: list[int] = field(default_factory=list)  # of each shard's documents
    starts: list[int] = field(default_factory=list)  # of each shard's candidates
    id: list[str] = field(default_factory=list)
    raw_places: np.ndarray = field(init=False)  # int32 [documents]: of the source among ``sources``
    raw_dates: np.ndarray = field(init=False)  # bytes [documents]: YYYY-MM-DD, or empty
    raw_names: np.ndarray = field(init=False)  # uint64 [documents]: hash of source and id
    raw_keys: np.ndarray = field(init=False)  # uint64 [documents, 2]
    raw_bands: np.ndarray = field(init=False)  # uint64 [documents, 14]
    rows: np.ndarray = field(init=False)  # int64 [candidates]: their numbers among all documents
    changed: np.ndarray = field(init=False)  # int64: the candidates that a filter changed
    keys: np.ndarray = field(init=False)  # uint64 [candidates, 2]
    bands: np.ndarray = field(init=False)  # uint64 [candidates, 14]
    matches: np.ndarray = field(init=False)  # int64 [matches, 2]: candidate, protected n-gram
    passages: np.ndarray = field(init=False)  # uint64 [paragraphs, 2]: candidate, hash

    def __len__(self) -> int:
        return len(self.id)

    def of(self, candidates: np.ndarray | None = None) -> list[PartSource]:
        """The part and source of candidates (int64), or of all of them."""
        rows = self.rows if candidates is None else self.rows[candidates]
        return [self.sources[place] for place in self.raw_places[rows].tolist()]

    def signatures(self) -> tuple[np.ndarray, np.ndarray]:
        """(uint64 [signatures, 14], int64 [signatures]): the bands of each document, and of each that a filter changed
        a second time as it was left; and whose they are."""
        owners = np.concatenate((np.arange(len(self.raw_keys)), self.rows[self.changed]))
        return np.concatenate((self.raw_bands, self.bands[self.changed])), owners


def candidates_of(shards: Sequence[str], filtered: Sequence[str]) -> Candidates:
    """Read what the first pass wrote of all shards."""
    candidates, columns = Candidates(), defaultdict[str, list[np.ndarray]](list)
    places: dict[PartSource, int] = {}
    raw_count = 0
    for shard, folder in zip(shards, filtered, strict=True):
        start = len(candidates)
        candidates.starts.append(start)
        candidates.raw_starts.append(raw_count)
        part = Path(shard).name.partition("-")[0]
        rows = orjson.loads((Path(folder) / "columns.json").read_bytes())
        numbers = [places.setdefault((part, source), len(places)) for source in rows["source"]]
        columns["raw_places"].append(np.array(numbers, np.int32))
        columns["raw_dates"].append(np.array([date or "" for date in rows["date"]], "S10"))
        pairs = zip(rows["source"], rows["id"], strict=True)
        names = [xxhash.xxh3_64_intdigest(f"{source}\0{name}".encode()) for source, name in pairs]
        columns["raw_names"].append(np.array(names, np.uint64))
        with np.load(Path(folder) / "signatures.npz") as arrays:
            signatures = {name: arrays[name] for name in arrays.files}
        if len(signatures["raw_keys"]) != len(names):
            counts = f"{len(signatures['raw_keys']):,} signatures for {len(names):,} documents"
            raise RuntimeError(f"{folder}: {counts}")
        here, changed = signatures["rows"], signatures["changed"]
        candidates.id += [rows["id"][row] for row in here.tolist()]
        for name in ("keys", "bands"):
            column = signatures[f"raw_{name}"][here]
            column[changed] = signatures[name]
            columns[name].append(column)
            columns[f"raw_{name}"].append(signatures[f"raw_{name}"])
        columns["rows"].append(here + raw_count)
        columns["changed"].append(changed + start)
        for name in ("matches", "passages"):
            signatures[name][:, 0] += np.asarray(start, signatures[name].dtype)
            columns[name].append(signatures[name])
        raw_count += len(names)
    candidates.sources = list(places)
    for name in list(columns):
        setattr(candidates, name, np.concatenate(columns.pop(name)))
    return candidates
