"""Between the two passes: which documents stay, and in which split, decided column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from corpora.curation.decisions import CONTAMINATED, EXACT, EXACT_AGAIN, KIN, NEAR, NEAR_AGAIN, STAYS, Decisions
from corpora.curation.earlier import Remembered
from corpora.decontamination.contamination import decide as contamination_of
from corpora.decontamination.decontaminate import Guard
from corpora.dedup import AnyDedup, Passages
from corpora.dedup.candidates import Candidates
from corpora.dedup.index import GONE, Duplicates, Index
from corpora.dedup.near import Buckets, flatten, join
from corpora.dedup.passages import repeated
from corpora.dedup.priority import UNDATED, integers, ranks
from corpora.dedup.signatures import BAND_COLUMNS, KEY
from corpora.heldout.history import History
from corpora.heldout.holdout import LATER, NEITHER, TRAIN, Holdout, are_later, settle, splits_of_keys

LARGEST_RANGE = 1 << 24  # paragraphs that are compared together: 1 GB
AT_ONCE = 1 << 20  # documents of remembered clusters that are looked up together
NO_SOURCE = -1  # of a document that the filters dropped


def decide(
    candidates: Candidates, steps: tuple[AnyDedup, ...], holdout: Holdout, guard: Guard, index: Index,
    history: History, keep_near: Sequence[str] = (),
) -> Decisions:  # fmt: skip
    """The outcome of each document. Near duplicates of the sources ``keep_near`` stay, in one cluster as ever.

    ``index`` holds the texts of earlier corpora; those considered here are added to it. ``history`` says which
    documents are kin of what this work folder holds out, and which it trained on.
    """
    kinds, before, passed = {step.kind for step in steps}, len(index), candidates.read("passed")
    # A held-out text itself comes before any copy of it, so that the copy goes and the frozen text stays.
    places, days, names = (candidates.read(name) for name in ("places", "days", "names"))
    order = ranks(places, days, names, history.is_held_out)
    del days, names
    places[~passed] = NO_SOURCE
    matches = candidates.read("matches")
    copies = clusters_of(candidates.part(passed).shared, len(candidates)) if len(matches) else None
    contamination = contamination_of(guard, matches, places, candidates.sources, copies)
    del matches, copies, places
    reasons = np.full(len(candidates), STAYS, np.int8)
    reasons[list(contamination.dropped)] = CONTAMINATED
    taking = passed & (reasons == STAYS)  # part in what follows; what repeats a contaminated text is no duplicate of it
    texts = candidates.part(taking)
    duplicates = index.find(texts, order)
    outcomes = outcomes_of(candidates, taking, duplicates, index, holdout, history)
    exact = taking & ("exact" in kinds) & (duplicates.equal != own_numbers(before, duplicates.equal))
    dropping = np.array([source not in keep_near for _, source in candidates.sources], bool)
    near = taking & ("near" in kinds) & ~exact & duplicates.drops & dropping[candidates.read("places")]
    del texts
    remembered = Remembered.of(candidates, taking, duplicates, index, history, exact, near, outcomes)
    stays = taking & ~((exact | near) & ~remembered.stays)
    for repeats, reason, again in ((exact & ~stays, EXACT, EXACT_AGAIN), (near & ~stays, NEAR, NEAR_AGAIN)):
        reasons[repeats] = reason
        reasons[repeats & remembered.same] = again
    reasons[stays & (outcomes == NEITHER)] = KIN
    stays &= outcomes != NEITHER
    # What is later comes again in the next build, and what is remembered already need not be so twice.
    new = taking & (outcomes != LATER) & (duplicates.equal >= before)
    splits = np.where(stays, outcomes.view(np.uint8), GONE)
    del taking, exact, near, passed
    index.add(candidates.part(new), order, duplicates, splits, lambda: candidates.read("names"), candidates.ids())
    of, exactly = duplicates.roots, np.isin(reasons, (EXACT, EXACT_AGAIN))
    of[exactly] = duplicates.equal[exactly]
    passages = next((step for step in steps if isinstance(step, Passages)), None)
    twice = repeated_paragraphs(candidates, stays, order, passages) if passages else iter(())
    facts = {**contamination.facts, **remembered.facts}
    return Decisions(
        before, outcomes, reasons, of, remembered.edited, contamination.dropped, contamination.cut, twice, facts
    )


def own_numbers(before: int, like: np.ndarray) -> np.ndarray:
    """int [documents]: the numbers of the texts of this build."""
    return np.arange(before, before + len(like), dtype=like.dtype)


def clusters_of(shared: Callable[[int], Iterable[Buckets]], count: int) -> np.ndarray:
    """int [documents]: the smallest of the documents that shared bands connect with each."""
    roots = np.arange(count, dtype=integers(count))
    for column in BAND_COLUMNS:
        for buckets in shared(column):
            join(roots, *buckets.edges())
    flatten(roots)
    return roots


def outcomes_of(
    candidates: Candidates, taking: np.ndarray, duplicates: Duplicates, index: Index, holdout: Holdout, history: History
) -> np.ndarray:
    """int8 [documents]: the split of each document of Raw, as a place in ``LOUDEST``, or ``NEITHER``.

    Its cluster is that of the texts before and after the filters, and of the remembered texts that they repeat.
    """
    roots = clusters_of(candidates.all_buckets, len(candidates))
    heldout, trained = history.splits.copy(), history.is_trained.copy()
    old = np.flatnonzero(taking & (duplicates.roots < len(index)))  # part in a remembered cluster
    first = np.empty(len(index), integers(len(candidates)))  # document of each remembered cluster
    first[duplicates.roots[old]] = old
    for begin in range(0, len(old), AT_ONCE):
        some = old[begin : begin + AT_ONCE]
        remembered = duplicates.roots[some]
        join(roots, first[remembered], some)
        splits = index.splits(remembered)
        frozen, known = splits < TRAIN, splits == TRAIN
        heldout[some[frozen]] = np.minimum(heldout[some[frozen]], splits[frozen].view(np.int8))
        trained[some[known]] = True
    flatten(roots)
    del old, first

    wishes = splits_of_keys(candidates.raw(KEY), holdout)
    if holdout.later:
        fresh = ~(taking & (duplicates.equal < len(index)))
        days = np.where(fresh, candidates.read("days"), UNDATED)
        wishes[are_later(candidates.read("places"), days, holdout.later)] = LATER
        del fresh, days
    return settle(wishes, roots, heldout, trained, lambda numbers: history.trained_kin(candidates, numbers))


def repeated_paragraphs(
    candidates: Candidates, stays: np.ndarray, order: np.ndarray, spec: Passages
) -> Iterator[np.ndarray]:
    """uint64 [paragraphs, 2], sorted, a range of hashes at a time: what ``repeated`` finds in texts that stay."""
    bits = (candidates.paragraphs // LARGEST_RANGE).bit_length()
    for number in range(1 << bits):
        yield repeated(candidates.passages(stays, bits, number), order, spec)
