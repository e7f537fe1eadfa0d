"""Between the two passes: which document stays, and in which split, decided from small arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from corpora.contamination import decide as contamination_of
from corpora.decontaminate import Guard
from corpora.dedup import AnyDedup, Passages
from corpora.dedup.index import Index
from corpora.dedup.near import near_duplicates
from corpora.dedup.passages import repeated
from corpora.dedup.priority import ranks
from corpora.holdout import Holdout, split
from corpora.ledger import PartSource, Row


@dataclass
class Candidates:
    """What is known about all documents that passed the filters, in the order of shards."""

    of: list[PartSource] = field(default_factory=list)  # one tuple a source
    place: list[int] = field(default_factory=list)  # of the source among all, in the recipe's order
    date: list[str | None] = field(default_factory=list)
    id: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # of each shard's documents
    keys: np.ndarray = field(init=False)  # uint64 [documents, 2]
    bands: np.ndarray = field(init=False)  # uint64 [documents, 14]
    matches: np.ndarray = field(init=False)  # int64 [matches, 2]: document, protected n-gram
    passages: np.ndarray = field(init=False)  # uint64 [paragraphs, 2]: document, hash

    def __len__(self) -> int:
        return len(self.id)


@dataclass
class Decisions:
    """The outcome of each document, by its number."""

    splits: list[str | None]
    clusters: list[str | None]
    events: dict[int, Row] = field(default_factory=dict)  # of those that go: their ledger events
    cut: dict[int, list[int]] = field(default_factory=dict)  # protected runs

    def rows(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """A row for each document, made on demand: all at once would keep the garbage collector busy."""
        for number in range(start, stop):
            if number in self.events:
                yield {"events": [self.events[number]], "number": number}
                continue
            row = {"events": [], "number": number, "split": self.splits[number], "cluster": self.clusters[number]}
            yield {**row, "cut": self.cut[number]} if number in self.cut else row


def candidates_of(shards: list[str], filtered: list[str]) -> Candidates:
    """Read the signatures of all filtered shards; documents are numbered consecutively."""
    candidates, columns = Candidates(), defaultdict[str, list[np.ndarray]](list)
    places: dict[PartSource, tuple[int, PartSource]] = {}
    for shard, folder in zip(shards, filtered, strict=True):
        start = len(candidates)
        candidates.starts.append(start)
        part = Path(shard).name.partition("-")[0]
        stays = orjson.loads((Path(folder) / "columns.json").read_bytes())
        candidates.date += stays["date"]
        candidates.id += stays["id"]
        for source in stays["source"]:
            place, of = places.setdefault((part, source), (len(places), (part, source)))
            candidates.of.append(of)
            candidates.place.append(place)
        with np.load(Path(folder) / "signatures.npz") as signatures:
            if len(signatures["keys"]) != len(candidates) - start:
                counts = f"{len(signatures['keys']):,} signatures for {len(candidates) - start:,} documents"
                raise RuntimeError(f"{folder}: {counts}")
            for name in ("keys", "bands", "matches", "passages"):
                numbers = signatures[name]
                if name in ("matches", "passages"):
                    numbers[:, 0] += np.asarray(start, numbers.dtype)
                columns[name].append(numbers)
    for name, parts in columns.items():
        setattr(candidates, name, np.concatenate(parts))
    return candidates


def decide(
    candidates: Candidates, steps: tuple[AnyDedup, ...], holdout: Holdout, guard: Guard, index: Index
) -> tuple[Decisions, np.ndarray, dict[str, Any]]:
    """(the outcome of each document, the repeated paragraphs, facts of the decontamination).

    ``index`` holds the texts of earlier corpora; those considered here are added to it.
    """
    count, kinds = len(candidates), {step.kind for step in steps}
    decided, stays = Decisions([None] * count, [None] * count), np.ones(count, dtype=bool)

    def drop(number: int, stage: str, reason: str, detail: str = "", of: str | None = None) -> None:
        row = {"stage": stage, "action": "dropped", "reason": reason, "detail": detail, "duplicate_of": of}
        decided.events[number] = row
        stays[number] = False

    order = ranks([part for part, _ in candidates.of], candidates.place, candidates.date, candidates.id)
    clusters = near_duplicates(candidates.bands, order)[1] if len(candidates.matches) else None
    contamination = contamination_of(guard, candidates.matches, candidates.of, clusters)
    for number, task in contamination.dropped.items():
        drop(number, "decontaminate", "contaminated", task)
    decided.cut = contamination.cut
    taking = np.flatnonzero(stays)  # part in what follows; what repeats a contaminated text is no duplicate of it
    keys, bands, ranked, before = candidates.keys[taking], candidates.bands[taking], order[taking], len(index)
    duplicates = index.find(keys, bands, ranked)
    numbers = taking.tolist()
    ids = [candidates.id[number] for number in numbers]
    equal, cluster = (named(each, ids, index) for each in (duplicates.equal, duplicates.roots))
    exact = (duplicates.equal != before + np.arange(len(ids))) & ("exact" in kinds)
    near = duplicates.drops & ("near" in kinds) & ~exact
    for place in np.flatnonzero(exact).tolist():
        remembered = duplicates.equal[place] < before and equal[place] == ids[place]
        drop(numbers[place], "exact", "remembered" if remembered else "exact duplicate", of=equal[place])
    for place in np.flatnonzero(near).tolist():
        drop(numbers[place], "near", "near duplicate", of=cluster[place])
    here = np.flatnonzero(~(exact | near))
    splits: list[str | None] = [None] * len(ids)
    chosen = split(
        keys[here, 0].tolist(),
        [candidates.of[number] for number in taking[here].tolist()],
        [candidates.date[number] for number in taking[here].tolist()],
        duplicates.roots[here].tolist(),
        holdout,
    )
    roots = duplicates.roots[duplicates.roots < before]
    old = {root: where for root, where in zip(roots.tolist(), index.splits(roots), strict=True) if where}
    for place, root, where in zip(here.tolist(), duplicates.roots[here].tolist(), chosen, strict=True):
        splits[place] = decided.splits[numbers[place]] = old.get(root, where)  # kin of what is held out is held out
        decided.clusters[numbers[place]] = cluster[place]
    index.add(ids, keys, bands, ranked, duplicates, splits)
    passages = next((step for step in steps if isinstance(step, Passages)), None)
    marked = candidates.passages[stays[candidates.passages[:, 0].astype(np.int64)]]
    twice = repeated(marked, order, passages) if passages else np.empty((0, 2), np.uint64)
    return decided, twice, contamination.facts


def named(numbers: np.ndarray, ids: list[str], index: Index) -> list[str]:
    """The ids of numbered texts: those that the index holds come first, then those of this run."""
    before = len(index)
    old = iter(index.ids(numbers[numbers < before]))
    return [next(old) if number < before else ids[number - before] for number in numbers.tolist()]
