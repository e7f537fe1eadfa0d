"""Between the two passes: which document stays, and in which split, decided from small arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

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
    """What is known of all documents that passed the filters, in the order of shards."""

    of: list[PartSource] = field(default_factory=list)  # one tuple a source
    place: list[int] = field(default_factory=list)  # of the source among all, in the recipe's order
    date: list[str | None] = field(default_factory=list)
    id: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # of each shard's documents
    keys: np.ndarray = field(init=False)  # uint64 [documents, 2]
    bands: np.ndarray = field(init=False)  # uint64 [documents, 14]
    finds: np.ndarray = field(init=False)  # int64 [finds, 2]: document, protected n-gram
    passages: np.ndarray = field(init=False)  # uint64 [paragraphs, 2]: document, hash

    def __len__(self) -> int:
        return len(self.id)


@dataclass
class Decisions:
    """What becomes of each document, by its number."""

    splits: list[str | None]
    clusters: list[str | None]
    said: dict[int, Row] = field(default_factory=dict)  # of those that go: what the ledger is to say
    cut: dict[int, list[int]] = field(default_factory=dict)  # protected runs

    def rows(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """A row for each document, made as it is asked for: so many at once would keep the garbage collector busy."""
        for number in range(start, stop):
            if number in self.said:
                yield {"said": [self.said[number]], "number": number}
                continue
            row = {"said": [], "number": number, "split": self.splits[number], "cluster": self.clusters[number]}
            yield {**row, "cut": self.cut[number]} if number in self.cut else row


def candidates_of(shards: list[str], judged: list[str]) -> Candidates:
    """Read the marks of all judged shards; documents are numbered through."""
    known, columns = Candidates(), defaultdict[str, list[np.ndarray]](list)
    places: dict[PartSource, tuple[int, PartSource]] = {}
    for shard, folder in zip(shards, judged, strict=True):
        start = len(known)
        known.starts.append(start)
        part = Path(shard).name.partition("-")[0]
        stays = orjson.loads((Path(folder) / "known.json").read_bytes())
        known.date += stays["date"]
        known.id += stays["id"]
        for source in stays["source"]:
            place, of = places.setdefault((part, source), (len(places), (part, source)))
            known.of.append(of)
            known.place.append(place)
        with np.load(Path(folder) / "marks.npz") as marks:
            if len(marks["keys"]) != len(known) - start:
                raise RuntimeError(f"{folder}: marks of {len(marks['keys'])} documents for {len(known) - start}")
            for name in ("keys", "bands", "finds", "passages"):
                numbers = marks[name]
                if name in ("finds", "passages"):
                    numbers[:, 0] += np.asarray(start, numbers.dtype)
                columns[name].append(numbers)
    for name, parts in columns.items():
        setattr(known, name, np.concatenate(parts))
    return known


def decide(
    known: Candidates, steps: tuple[AnyDedup, ...], holdout: Holdout, guard: Guard, index: Index
) -> tuple[Decisions, np.ndarray, dict[str, Any]]:
    """(what becomes of each document, the repeated paragraphs, facts of the decontamination).

    ``index`` holds what earlier corpora remember; what takes part here is added to it.
    """
    count, kinds = len(known), {step.kind for step in steps}
    decided, stays = Decisions([None] * count, [None] * count), np.ones(count, dtype=bool)

    def drop(number: int, stage: str, reason: str, detail: str = "", of: str | None = None) -> None:
        row = {"stage": stage, "action": "dropped", "reason": reason, "detail": detail, "duplicate_of": of}
        decided.said[number] = row
        stays[number] = False

    order = ranks([part for part, _ in known.of], known.place, known.date, known.id)
    clusters = near_duplicates(known.bands, order)[1] if len(known.finds) else None
    asked = guard.decide(known.finds, known.of, clusters)
    for number, task in asked.dropped.items():
        drop(number, "decontaminate", "contaminated", task)
    decided.cut = asked.cut
    taking = np.flatnonzero(stays)  # part in what follows; what repeats a contaminated text is no duplicate of it
    keys, bands, ranked, before = known.keys[taking], known.bands[taking], order[taking], len(index)
    found = index.find(keys, bands, ranked)
    numbers = taking.tolist()
    ids = [known.id[number] for number in numbers]
    equal, cluster = (named(each, ids, index) for each in (found.equal, found.roots))
    exact = (found.equal != before + np.arange(len(ids))) & ("exact" in kinds)
    near = found.drops & ("near" in kinds) & ~exact
    for place in np.flatnonzero(exact).tolist():
        remembered = found.equal[place] < before and equal[place] == ids[place]
        drop(numbers[place], "exact", "remembered" if remembered else "exact duplicate", of=equal[place])
    for place in np.flatnonzero(near).tolist():
        drop(numbers[place], "near", "near duplicate", of=cluster[place])
    here = np.flatnonzero(~(exact | near))
    splits: list[str | None] = [None] * len(ids)
    chosen = split(
        keys[here, 0].tolist(),
        [known.of[number] for number in taking[here].tolist()],
        [known.date[number] for number in taking[here].tolist()],
        found.roots[here].tolist(),
        holdout,
    )
    roots = found.roots[found.roots < before]
    old = {root: where for root, where in zip(roots.tolist(), index.splits(roots), strict=True) if where}
    for place, root, where in zip(here.tolist(), found.roots[here].tolist(), chosen, strict=True):
        splits[place] = decided.splits[numbers[place]] = old.get(root, where)  # kin of what is held out is held out
        decided.clusters[numbers[place]] = cluster[place]
    index.add(ids, keys, bands, ranked, found, splits)
    passages = next((step for step in steps if isinstance(step, Passages)), None)
    marked = known.passages[stays[known.passages[:, 0].astype(np.int64)]]
    twice = repeated(marked, order, passages) if passages else np.empty((0, 2), np.uint64)
    return decided, twice, asked.facts


def named(numbers: np.ndarray, ids: list[str], index: Index) -> list[str]:
    """The ids of numbered texts: those that the index holds come first, then those of this run."""
    before = len(index)
    old = iter(index.ids(numbers[numbers < before]))
    return [next(old) if number < before else ids[number - before] for number in numbers.tolist()]
