"""Between the two passes: which document stays, and in which split, decided from small arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corpora.candidates import Candidates
from corpora.contamination import decide as contamination_of
from corpora.decontaminate import Guard
from corpora.dedup import AnyDedup, Passages
from corpora.dedup.index import Duplicates, Index
from corpora.dedup.near import clusters, components, near_duplicates
from corpora.dedup.passages import repeated
from corpora.dedup.priority import ranks
from corpora.earlier import Remembered
from corpora.heldout.history import History
from corpora.holdout import LATER, LOUDEST, NEITHER, Holdout, are_later, settle, splits_of_keys
from corpora.ledger import Row


@dataclass
class Decisions:
    """The outcome of each candidate, by its number, and the split of every document, also of those that went."""

    splits: list[str | None]
    clusters: list[str | None]
    events: dict[int, Row] = field(default_factory=dict)  # of those that go: their ledger events
    notes: dict[int, Row] = field(default_factory=dict)  # of those that stay: what else the ledger says of them
    cut: dict[int, list[int]] = field(default_factory=dict)  # protected runs
    outcomes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # [documents]: places in LOUDEST
    twice: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.uint64))  # the repeated paragraphs
    facts: dict[str, Any] = field(default_factory=dict)

    def rows(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """A row for each candidate, made on demand: all at once would keep the garbage collector busy."""
        for number in range(start, stop):
            if number in self.events:
                yield {"events": [self.events[number]], "number": number}
                continue
            row = {"events": [], "number": number, "split": self.splits[number], "cluster": self.clusters[number]}
            if number in self.notes:
                row["notes"] = [self.notes[number]]
            yield {**row, "cut": self.cut[number]} if number in self.cut else row

    def drop(self, number: int, stage: str, reason: str, detail: str = "", of: str | None = None) -> None:
        """A candidate goes; the first reason stands."""
        row = {"stage": stage, "action": "dropped", "reason": reason, "detail": detail, "duplicate_of": of}
        self.events.setdefault(number, row)


def decide(
    candidates: Candidates, steps: tuple[AnyDedup, ...], holdout: Holdout, guard: Guard, index: Index,
    history: History, keep_near: Sequence[str] = (),
) -> Decisions:  # fmt: skip
    """The outcome of each document. Near duplicates of the sources ``keep_near`` stay, in one cluster as ever.

    ``index`` holds the texts of earlier corpora; those considered here are added to it. ``history`` says which
    documents are kin of what this work folder holds out, and which it trained on.
    """
    count, kinds = len(candidates), {step.kind for step in steps}
    decided = Decisions([None] * count, [None] * count)
    # A held-out text itself comes before any copy of it, so that the copy goes and the frozen text stays.
    first = history.is_held_out[candidates.rows]
    places, dates = candidates.raw_places[candidates.rows], candidates.raw_dates[candidates.rows]
    order = ranks(places, dates, candidates.id, first)
    copies = near_duplicates(candidates.bands, order)[1] if len(candidates.matches) else None
    contamination = contamination_of(guard, candidates.matches, candidates.of(), copies)
    for number, task in contamination.dropped.items():
        decided.drop(number, "decontaminate", "contaminated", task)
    decided.cut = contamination.cut
    stays = np.ones(count, bool)
    stays[list(decided.events)] = False
    taking = np.flatnonzero(stays)  # part in what follows; what repeats a contaminated text is no duplicate of it
    keys, bands, ranked, before = candidates.keys[taking], candidates.bands[taking], order[taking], len(index)
    duplicates = index.find(keys, bands, ranked)
    decided.outcomes = outcomes(candidates, taking, duplicates, index, holdout, history)
    chosen = decided.outcomes[candidates.rows[taking]]
    ids = [candidates.id[number] for number in taking.tolist()]
    equal, cluster = (named(each, ids, index) for each in (duplicates.equal, duplicates.roots))
    exact = (duplicates.equal != before + np.arange(len(ids))) & ("exact" in kinds)
    sources = candidates.of()
    dropping = np.array([sources[number][1] not in keep_near for number in taking.tolist()], bool)
    near = duplicates.drops & ("near" in kinds) & ~exact & dropping
    own_text = np.array([one == other for one, other in zip(equal, ids, strict=True)], bool)
    remembered = Remembered.of(candidates, taking, duplicates, index, history, exact, near, chosen, own_text)
    goes = (exact | near) & ~remembered.stays
    for place in np.flatnonzero(goes).tolist():
        stage, of = ("exact", equal[place]) if exact[place] else ("near", cluster[place])
        reason = "remembered" if remembered.same[place] else f"{stage} duplicate"
        decided.drop(int(taking[place]), stage, reason, of=of)
    for place in np.flatnonzero(~goes & (chosen == NEITHER)).tolist():
        decided.drop(int(taking[place]), "holdout", "kin of held-out text", "and of text that was trained on")
    for place in np.flatnonzero(remembered.edited & ~goes).tolist():
        decided.notes[int(taking[place])] = {"stage": "near", "action": "changed", "reason": "new version"}
    splits: list[str | None] = [None] * len(ids)
    for place in np.flatnonzero(~goes & (chosen != NEITHER)).tolist():
        splits[place] = decided.splits[taking[place]] = LOUDEST[chosen[place]]
        decided.clusters[taking[place]] = cluster[place]
    # What is later comes again in the next build, and what is remembered already need not be so twice.
    new = (chosen != LATER) & (duplicates.equal >= before)
    names = candidates.raw_names[candidates.rows[taking]]
    added = np.flatnonzero(new).tolist()
    index.add(
        [ids[place] for place in added], keys[new], bands[new], ranked[new], duplicates.part(new, before),
        [splits[place] for place in added], names[new],
    )  # fmt: skip
    stays[list(decided.events)] = False
    passages = next((step for step in steps if isinstance(step, Passages)), None)
    if passages:
        marked = candidates.passages[stays[candidates.passages[:, 0].astype(np.int64)]]
        decided.twice = repeated(marked, order, passages)
    decided.facts = {**contamination.facts, **remembered.facts}
    return decided


def outcomes(
    candidates: Candidates, taking: np.ndarray, duplicates: Duplicates, index: Index, holdout: Holdout, history: History
) -> np.ndarray:
    """int64 [documents]: the split of each document of Raw, as a place in ``LOUDEST``, or ``NEITHER``.

    Its cluster is that of the texts before and after the filters, and of the remembered texts that they repeat.
    """
    count, rows = len(candidates.raw_keys), candidates.rows[taking]
    roots = clusters(*candidates.signatures(), count)
    old = np.flatnonzero(duplicates.roots < len(index))  # part in a remembered cluster
    remembered, first, inverse = np.unique(duplicates.roots[old], return_index=True, return_inverse=True)
    left = np.concatenate((np.arange(count), rows[old[first]][inverse]))
    roots = components(count, left, np.concatenate((roots, rows[old])))

    wishes = splits_of_keys(candidates.raw_keys[:, 0], holdout)
    if holdout.later:
        fresh = np.ones(count, bool)
        fresh[rows[duplicates.equal < len(index)]] = False
        dated = np.flatnonzero(fresh)
        sources = [candidates.sources[place] for place in candidates.raw_places[dated].tolist()]
        dates = [day.decode() or None for day in candidates.raw_dates[dated].tolist()]
        wishes[dated[are_later(sources, dates, holdout.later)]] = LATER
    heldout, trained = history.heldout_splits(NEITHER), history.is_trained.copy()
    if len(remembered):
        codes = {name: place for place, name in enumerate(LOUDEST)}
        splits = np.array([codes.get(name or "", NEITHER) for name in index.splits(remembered)])[inverse]
        heldout[rows[old]] = np.minimum(heldout[rows[old]], np.where(splits < codes["train"], splits, NEITHER))
        trained[rows[old[splits == codes["train"]]]] = True
    return settle(wishes, roots, heldout, trained, lambda numbers: history.trained_kin(candidates.raw_bands[numbers]))


def named(numbers: np.ndarray, ids: list[str], index: Index) -> list[str]:
    """The ids of numbered texts: those that the index holds come first, then those of this run."""
    before = len(index)
    old = iter(index.ids(numbers[numbers < before]))
    return [next(old) if number < before else ids[number - before] for number in numbers.tolist()]
