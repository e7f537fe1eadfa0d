"""The decision on each document: columns, and one file for each shard for the second pass over the text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson

from corpora.dedup.candidates import Candidates
from corpora.dedup.index import Index
from corpora.heldout.holdout import LOUDEST, TEST
from corpora.ledger.ledger import Row

# Why a document goes: stage and reason. It stays where its reason is the first.
REASONS = (
    ("", ""), ("decontaminate", "contaminated"), ("exact", "exact duplicate"), ("near", "near duplicate"),
    ("exact", "remembered"), ("near", "remembered"), ("holdout", "kin of held-out text"),
)  # fmt: skip
STAYS, CONTAMINATED, EXACT, NEAR, EXACT_AGAIN, NEAR_AGAIN, KIN = range(len(REASONS))
DUPLICATE_REASONS = (EXACT, NEAR, EXACT_AGAIN, NEAR_AGAIN)
NEW_VERSION = {"stage": "near", "action": "changed", "reason": "new version"}
BOTH_SIDES = "and of text that was trained on"
T = TypeVar("T")
AT_ONCE = 1 << 18  # ids of remembered texts that are read together


@dataclass
class Decisions:
    """The outcome of each document by its number; a number of a text begins at ``before``, those of remembered ones."""

    before: int
    outcomes: np.ndarray  # int8 [documents]: the split of every document, also of those that go: places in ``LOUDEST``
    reasons: np.ndarray  # int8 [documents]: places in ``REASONS``, of those that passed the filters
    of: np.ndarray  # int [documents]: the text that it repeats or, if it stays, the earliest text of its cluster
    edited: np.ndarray  # bool [documents]: it stays in place of another version of itself
    tasks: dict[int, str]  # of contaminated documents
    cut: dict[int, list[int]]  # protected runs, by document
    twice: Iterator[np.ndarray]  # uint64 [paragraphs, 2], sorted: the repeated paragraphs, some at a time
    facts: dict[str, Any]

    def write(self, scratch: Path, candidates: Candidates, index: Index) -> None:
        """Write ``decided/<rank>.json`` for each shard, for ``read_decisions``, and the repeated paragraphs, ``twice``.

        The index holds the texts of this build as well.
        """
        folder = scratch / "decided"
        folder.mkdir(parents=True)
        with (scratch / "twice").open("wb") as file:
            for paragraphs in self.twice:
                paragraphs.tofile(file)
        own = np.arange(self.before, self.before + len(self.of), dtype=self.of.dtype)
        named = np.isin(self.reasons, DUPLICATE_REASONS) | (self.reasons == STAYS) & (self.of != own)
        del own
        passed = candidates.read("passed")
        names = TextNames(folder / "names", np.unique(self.of[named & passed]), self.before, candidates, index)
        for rank, start in enumerate(candidates.starts[:-1]):
            numbers = start + np.flatnonzero(passed[start : candidates.starts[rank + 1]])
            places = np.flatnonzero(named[numbers])
            content = {
                "numbers": numbers,
                "reasons": self.reasons[numbers],
                "splits": self.outcomes[numbers],
                "edited": np.flatnonzero(self.edited[numbers]),
                "names": dict(zip(places.tolist(), names.at(self.of[numbers[places]]), strict=True)),
                "tasks": chosen(self.tasks, numbers),
                "cut": chosen(self.cut, numbers),
            }
            option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
            (folder / f"{rank:05d}.json").write_bytes(orjson.dumps(content, option=option))

    def test_documents(self, candidates: Candidates) -> np.ndarray:
        """int64: the documents that stay in ``test``."""
        return np.flatnonzero(candidates.read("passed") & (self.reasons == STAYS) & (self.outcomes == TEST))


def chosen(of: dict[int, T], numbers: np.ndarray) -> dict[int, T]:
    """What a dictionary says of some documents, by their places among ``numbers``."""
    return {place: of[number] for place, number in enumerate(numbers.tolist()) if number in of} if of else {}


class TextNames:
    """The ids of texts, in a file: those of a build would not fit in memory."""

    def __init__(self, path: Path, numbers: np.ndarray, before: int, candidates: Candidates, index: Index) -> None:
        """Write the ids of texts by their numbers (int, ascending)."""
        first_new = int(np.searchsorted(numbers, before))
        old, new = np.split(numbers, [first_new])
        remembered = (index.ids(old[place : place + AT_ONCE]) for place in range(0, len(old), AT_ONCE))
        self.numbers, self.begins = numbers, np.zeros(len(numbers) + 1, np.int64)
        with path.open("wb") as file:
            for place, name in enumerate(chain(chain.from_iterable(remembered), candidates.ids_of(new - before))):
                self.begins[place + 1] = self.begins[place] + file.write(name.encode())
        self.file = path.open("rb")

    def at(self, numbers: np.ndarray) -> Iterator[str]:
        """The ids of texts by their numbers."""
        for place in np.searchsorted(self.numbers, numbers).tolist():
            begin, end = self.begins[place : place + 2].tolist()
            yield os.pread(self.file.fileno(), end - begin, begin).decode()


def read_decisions(path: Path) -> Iterator[Row]:
    """A row for each document of a shard that passed the filters.

    ``events`` are those of one that goes; else it has ``number``, ``split``, ``cluster`` (None: its own id), perhaps
    ``notes`` (events of one that stays) and ``cut``, the protected runs to be cut.
    """
    stored = orjson.loads(path.read_bytes())
    edited = set(stored["edited"])
    for place, (number, reason) in enumerate(zip(stored["numbers"], stored["reasons"], strict=True)):
        key, (stage, why) = str(place), REASONS[reason]
        if reason != STAYS:
            details = {CONTAMINATED: stored["tasks"].get(key, ""), KIN: BOTH_SIDES}
            event = {"stage": stage, "action": "dropped", "reason": why, "detail": details.get(reason, "")}
            yield {"events": [{**event, "duplicate_of": stored["names"].get(key)}]}
            continue
        row = {"events": [], "number": number, "split": LOUDEST[stored["splits"][place]]}
        notes = [NEW_VERSION] if place in edited else []
        yield {**row, "cluster": stored["names"].get(key), "notes": notes, "cut": stored["cut"].get(key, [])}
