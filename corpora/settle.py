"""Between the two passes: which document stays, and in which split, decided from small arrays."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corpora.decontaminate import Guard
from corpora.dedup import AnyDedup, Passages
from corpora.dedup.index import Index
from corpora.dedup.near import near_duplicates
from corpora.dedup.order import ranks
from corpora.dedup.passages import repeated
from corpora.holdout import Holdout, split
from corpora.lines import read_lines


@dataclass
class Known:
    """What is known of all documents that passed the filters, in the order of shards."""

    part: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
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


def known_of(shards: list[str], judged: list[str]) -> Known:
    """Read the marks of all judged shards; documents are numbered through."""
    known, columns = Known(), defaultdict[str, list[np.ndarray]](list)
    places: dict[tuple[str, str], int] = {}
    for shard, folder in zip(shards, judged, strict=True):
        start = len(known)
        known.starts.append(start)
        part = Path(shard).name.partition("-")[0]
        for fate in read_lines(Path(folder) / "fates.jsonl"):
            if all(each["action"] == "changed" for each in fate["said"]):
                known.part.append(part)
                known.source.append(fate["source"])
                known.place.append(places.setdefault((part, fate["source"]), len(places)))
                known.date.append(fate["date"])
                known.id.append(fate["id"])
        with np.load(Path(folder) / "marks.npz") as marks:
            if len(marks["keys"]) != len(known) - start:
                raise RuntimeError(f"{folder}: marks of {len(marks['keys'])} documents for {len(known) - start} fates")
            for name in ("keys", "bands", "finds", "passages"):
                numbers = marks[name]
                if name in ("finds", "passages"):
                    numbers[:, 0] += np.asarray(start, numbers.dtype)
                columns[name].append(numbers)
    for name, parts in columns.items():
        setattr(known, name, np.concatenate(parts))
    return known


def settle(
    known: Known, steps: tuple[AnyDedup, ...], holdout: Holdout, guard: Guard, index: Index
) -> tuple[list[dict[str, Any]], np.ndarray, dict[str, Any]]:
    """(a decision for each document, the repeated paragraphs, facts of the decontamination).

    A decision is ``{"said": [...]}`` with a row of the ledger where the document goes. For one that stays it is
    ``split``, ``cluster``, ``number`` (the document's own) and ``cut`` (the protected runs to cut). ``index`` holds
    what earlier corpora remember; what takes part here is added to it.
    """
    count, kinds = len(known), {step.kind for step in steps}
    decisions: list[dict[str, Any]] = [{"said": [], "number": number} for number in range(count)]
    stays = np.ones(count, dtype=bool)

    def drop(number: int, stage: str, reason: str, detail: str = "", of: str | None = None) -> None:
        row = {"stage": stage, "action": "dropped", "reason": reason, "detail": detail, "duplicate_of": of}
        decisions[number]["said"].append(row)
        stays[number] = False

    order = ranks(known.part, known.place, known.date, known.id)
    asked = guard.decide(
        known.finds, list(zip(known.part, known.source, strict=True)), near_duplicates(known.bands, order)[1]
    )
    for number, task in asked.dropped.items():
        drop(number, "decontaminate", "contaminated", task)
    for number, runs in asked.cut.items():
        decisions[number]["cut"] = runs
    taking = np.flatnonzero(stays)  # part in what follows; what repeats a contaminated text is no duplicate of it
    keys, bands, ranked, before = known.keys[taking], known.bands[taking], order[taking], len(index)
    found = index.find(keys, bands, ranked)
    ids = [known.id[number] for number in taking]
    equal, cluster = (named(numbers, ids, index) for numbers in (found.equal, found.roots))
    for place, number in enumerate(taking.tolist()):
        if "exact" in kinds and found.equal[place] != before + place:
            remembered = found.equal[place] < before and equal[place] == ids[place]
            drop(number, "exact", "remembered" if remembered else "exact duplicate", of=equal[place])
        elif "near" in kinds and found.drops[place]:
            drop(number, "near", "near duplicate", of=cluster[place])
    here = np.flatnonzero(stays[taking])
    splits: list[str | None] = [None] * len(taking)
    chosen = split(
        keys[here, 0].tolist(),
        [(known.part[number], known.source[number]) for number in taking[here]],
        [known.date[number] for number in taking[here]],
        found.roots[here].tolist(),
        holdout,
    )
    roots = found.roots[found.roots < before]
    old = {root: where for root, where in zip(roots.tolist(), index.splits(roots), strict=True) if where}
    for place, where in zip(here.tolist(), chosen, strict=True):
        splits[place] = old.get(int(found.roots[place]), where)  # kin of what is held out is held out
        decisions[int(taking[place])].update(split=splits[place], cluster=cluster[place])
    index.add(ids, keys, bands, ranked, found, splits)
    passages = next((step for step in steps if isinstance(step, Passages)), None)
    marked = known.passages[stays[known.passages[:, 0].astype(np.int64)]]
    twice = repeated(marked, order, passages) if passages else np.empty((0, 2), np.uint64)
    return decisions, twice, asked.facts


def named(numbers: np.ndarray, ids: list[str], index: Index) -> list[str]:
    """The ids of numbered texts: those that the index holds come first, then those of this run."""
    before = len(index)
    old = iter(index.ids(numbers[numbers < before]))
    return [next(old) if number < before else ids[number - before] for number in numbers.tolist()]
