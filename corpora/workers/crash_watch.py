"""Finds the documents that kill the process that filters them, by notes in a file that outlives it."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
from pydantic import BaseModel

from domain.errors import UserError

TRIAL_DEATHS = 2  # deaths over one document alone, in a fresh process, until it is what kills
SURVIVED = 3  # trials after which a document is innocent, though the process dies whenever it is reached


class CrashNotes(BaseModel):
    """What is known about a shard. ``place`` and ``size``: the documents that are filtered now."""

    run: str
    place: int = 0
    size: int = 0
    trial: bool = False  # whether it is one document alone, in a process that has filtered nothing else
    narrow: list[tuple[int, int]] = []  # places and sizes of batches over which a process died: one at a time
    deaths: dict[int, int] = {}  # in trials, by document
    survived: dict[int, int] = {}  # trials, by document
    deadly: list[int] = []


class CrashWatch:
    """Narrows down what a process died on, from one try of a shard to the next; each is in a fresh process.

    After a death over a batch its documents are filtered one at a time. The one that a process dies on then is tried
    alone before anything else, and is deadly after ``TRIAL_DEATHS`` deaths. So a process that is killed from outside
    names nobody, unless that happens over the same document three times in a row. Notes of another run do not count:
    whoever killed that one may have killed it at any document.
    """

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.notes = path, CrashNotes(run=run)
        self.suspect: int | None = None  # a document to be tried first
        try:
            before = CrashNotes.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return
        if before.run == run:
            self.notes = before
            self.learn()
            self.look(0, 0)

    def learn(self) -> None:
        """Draw conclusions from where the last process died."""
        notes, place = self.notes, self.notes.place
        if notes.trial:
            notes.deaths[place] = notes.deaths.get(place, 0) + 1
            if notes.deaths[place] < TRIAL_DEATHS:
                self.suspect = place
            else:
                notes.deadly.append(place)
        elif notes.size > 1:
            notes.narrow.append((place, notes.size))
        elif notes.size:
            self.suspect = place

    def trial(self, identifier: str) -> None:
        """Note that the suspect is filtered alone; raises ``UserError`` where that does not kill, time and again."""
        assert self.suspect is not None
        if self.notes.survived.get(self.suspect, 0) == SURVIVED:
            problem = f"a process dies whenever it reaches {identifier}, but not on that document alone"
            raise UserError("corpus.filters", problem, "fix the filter that an earlier document breaks")
        self.look(self.suspect, 1, trial=True)

    def survive(self) -> None:
        """Note that the suspect did not kill."""
        assert self.suspect is not None
        self.notes.survived[self.suspect] = self.notes.survived.get(self.suspect, 0) + 1
        self.suspect = None
        self.look(0, 0)

    def batch(self, place: int, largest: int) -> int:
        """How many documents to filter together from ``place`` on."""
        for begin, size in self.notes.narrow:
            if begin <= place < begin + size:
                return 1
        return min([largest, *(begin - place for begin, _ in self.notes.narrow if begin > place)])

    def look(self, place: int, size: int, *, trial: bool = False) -> None:
        """Note that ``size`` documents from ``place`` on are being filtered."""
        self.notes.place, self.notes.size, self.notes.trial = place, size, trial
        aside = self.path.with_suffix(".new")
        aside.write_bytes(orjson.dumps(self.notes.model_dump(mode="json"), option=orjson.OPT_NON_STR_KEYS))
        os.replace(aside, self.path)

    def end(self) -> None:
        """Remove the note: the shard is complete."""
        self.path.unlink(missing_ok=True)
