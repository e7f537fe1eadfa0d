"""Documents by their signatures, without any text, and what is decided on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corpora.curation.decide import decide
from corpora.curation.decisions import Decisions
from corpora.decontamination.decontaminate import Guard
from corpora.dedup import AnyDedup, Exact, Near
from corpora.dedup.candidates import Candidates
from corpora.dedup.index import Index
from corpora.heldout.entries import Entry
from corpora.heldout.history import History
from corpora.heldout.holdout import NEITHER, Holdout
from corpora.heldout.texts import HeldOutTexts, TrainedTexts
from domain.text.words import mixed
from tests.corpora.decontamination.guards import guarded
from tests.corpora.filtered import candidates_in, filtered_shard

HOLDOUT = Holdout(test=0.25, validation=0.25)
KEYS = {"test": 0, "validation": 1 << 62, "train": 1 << 63}  # the first of the keys that ask for a split


@dataclass(frozen=True)
class Text:
    """A document: texts of one ``text`` are equal, texts that have a number of ``bands`` in common are near."""

    name: str
    text: int
    bands: tuple[int, ...] = ()
    asks: str = "train"
    source: str = "calls"
    date: str | None = None
    passed: bool = True
    filtered: tuple[int, tuple[int, ...]] | None = None  # its text and bands, as the filters left it
    part: str = "domain"
    runs: tuple[int, ...] = ()  # of the guard, that it holds
    paragraphs: tuple[int, ...] = ()  # their hashes

    def signature(self, text: int, bands: Sequence[int]) -> list[int]:
        """Key and bands; bands that are not given are its text's own."""
        own = [1_000_000 + 100 * text + place for place in range(14)]
        for band in bands:
            own[band % 14] = band  # its column
        key, second, *hashes = mixed(np.array([text, text, *own], np.uint64)).tolist()
        return [KEYS[self.asks] + key // 4, second, *hashes]


@dataclass
class Week:
    """A build of some documents."""

    candidates: Candidates
    decisions: Decisions
    names: list[str]

    def by_name(self, values: np.ndarray) -> dict[str, Any]:
        """A column, by document."""
        return dict(zip(self.names, values.tolist(), strict=True))

    @property
    def reasons(self) -> dict[str, int]:
        """Why each document goes: a place in ``REASONS``."""
        return self.by_name(self.decisions.reasons)

    @property
    def outcomes(self) -> dict[str, int]:
        """The split of each."""
        return self.by_name(self.decisions.outcomes)


@dataclass
class Weeks:
    """Builds one after the other, over one index."""

    folder: Path
    index: Index = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.index = Index(self.folder / "index")

    def week(
        self, *texts: Text, steps: tuple[AnyDedup, ...] = (Exact(), Near()), holdout: Holdout = HOLDOUT,
        guard: Guard | None = None, held_out: Mapping[str, int] | None = None, trained: Sequence[str] = (),
        settled: Sequence[str] = (), entries: Sequence[Entry] = (), keep_near: Sequence[str] = (),
    ) -> Week:  # fmt: skip
        """Decide. ``held_out`` are those that are kin of held-out text, ``trained`` those that were trained on."""
        self.count += 1
        folder, names = self.folder / f"week{self.count}", [text.name for text in texts]
        parts = {part: [text for text in texts if text.part == part] for part in ("domain", "general")}
        shards = {f"{part}-00000": shard(folder / part, some) for part, some in parts.items() if some}
        candidates = candidates_in(folder, list(shards), list(shards.values()))
        splits = np.array([(held_out or {}).get(name, NEITHER) for name in names], np.int8)

        def among(chosen: Sequence[str]) -> np.ndarray:
            return np.array([name in chosen for name in names], bool)

        heldout, before = HeldOutTexts(entries), TrainedTexts(entries, holdout.shares())
        history = History(heldout, before, splits, splits != NEITHER, among(trained), among(settled))
        guard = guard or guarded(folder)
        decisions = decide(candidates, steps, holdout, guard, self.index, history, keep_near)
        decisions.twice = iter(list(decisions.twice))
        return Week(candidates, decisions, names)


def shard(folder: Path, texts: Sequence[Text]) -> str:
    """A filtered shard of these."""
    passed = [place for place, text in enumerate(texts) if text.passed]
    kept = [text for text in texts if text.passed]
    filtered = {place: each for place in passed if (each := texts[place].filtered)}
    return filtered_shard(
        folder, [(text.source, text.name, text.date) for text in texts],
        np.array([text.signature(text.text, text.bands) for text in texts], np.uint64), passed,
        {place: np.array(texts[place].signature(*each), np.uint64) for place, each in filtered.items()},
        [(place, value) for place, text in enumerate(kept) for value in text.paragraphs],
        [(place, run) for place, text in enumerate(kept) for run in text.runs],
    )  # fmt: skip
