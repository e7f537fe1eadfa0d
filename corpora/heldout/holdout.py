"""Validation, test and later: what no model trains on, decided by near-duplicate cluster.

A document's split follows from its text before any filter, so that no filter moves it, and every member of its cluster
votes, those that are dropped as well. What was decided in a work folder before (``corpora.heldout``) stays.

``later`` moves forward and is not remembered. A text that was scored as the future is, in the next build, by its key in
test, in validation, or free to be trained on; so the frozen share of it is never trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from corpora.dedup.priority import UNDATED
from domain.spec import Share, Spec

LOUDEST = ("test", "validation", "train", "later")  # a cluster goes whole to the first of these that a member asks for
TEST, VALIDATION, TRAIN, LATER, NEITHER = range(5)  # places in it; the last is that of none


class Holdout(Spec):
    """Shares of each source's documents that are held out."""

    validation: Annotated[Share, Field(description="the training loop and pilots may look at it")] = 0.01
    test: Annotated[Share, Field(description="only the gate looks at it; frozen for ever")] = 0.01
    later: Annotated[Share, Field(description="the last share by date, of dated sources")] = 0.0
    changed: Annotated[
        bool, Field(description="true where validation and test differ from this recipe's last corpus on purpose")
    ] = False

    @model_validator(mode="after")
    def _leaves_some(self) -> Holdout:
        total = self.validation + self.test + self.later
        if total >= 0.9:
            raise ValueError(f"the shares add up to {total:g}, which leaves too little to train on; lower them")
        return self

    def shares(self) -> dict[str, float]:
        """The three shares; with the texts they decide every split."""
        return {"validation": self.validation, "test": self.test, "later": self.later}


def splits_of_keys(keys: np.ndarray, spec: Holdout) -> np.ndarray:
    """int8 [texts]: the split that each text's own key (uint64, random bits) asks for: the same every week, whatever
    else comes."""
    places, splits = keys / 2.0**64, np.full(len(keys), TRAIN, np.int8)
    splits[places < spec.test + spec.validation] = VALIDATION
    splits[places < spec.test] = TEST
    return splits


def first_later_days(sources: np.ndarray, days: np.ndarray, share: float) -> dict[int, int]:
    """By source, the first day of its last ``share`` of dated documents; whole days, so at most that share.

    ``sources`` (int) and ``days`` (int, or ``UNDATED``) are of documents.
    """
    first, dated = dict[int, int](), days != UNDATED
    for source in np.unique(sources[dated]).tolist():
        unique, counts = np.unique(days[dated & (sources == source)], return_counts=True)
        left = share * int(counts.sum()) + 1e-9  # 0.29 * 100 is 28.999999999999996
        for day, count in zip(unique[::-1].tolist(), counts[::-1].tolist(), strict=True):
            left -= count
            if left < 0:
                break
            first[source] = day
    return first


def are_later(sources: np.ndarray, days: np.ndarray, share: float) -> np.ndarray:
    """bool [documents]: whether a document is of its source's last days."""
    later = np.zeros(len(days), bool)
    for source, first in first_later_days(sources, days, share).items():
        later |= (sources == source) & (days >= first)
    later &= days != UNDATED
    return later


def settle(
    wishes: np.ndarray,
    roots: np.ndarray,
    heldout: np.ndarray,
    trained: np.ndarray,
    kin_of_trained: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """int8 [documents]: the split of each document, as a place in ``LOUDEST``, or ``NEITHER``.

    Args:
        wishes: int8 [documents], the split that each asks for by its key and date
        roots: int [documents], names the cluster of each by one of its documents
        heldout: int8 [documents], the split of the held-out text that it is kin of, ``NEITHER`` where there is none
        trained: bool [documents], whether this very text went to training before
        kin_of_trained: for documents (int64), whether each is kin of a text that went to training

    A cluster is not divided. It goes where its held-out kin is; else to training, if a text of it, or one that this is
    a new version of, was trained on; else to the loudest split that a member asks for. So it is later only where all
    of it is: what repeats an older text is no news.
    One thing divides a cluster: a new text that is kin of held-out and of trained ones. These stay where they are, and
    what stands between them goes nowhere.
    """
    wish, held = np.full(len(roots), NEITHER, np.int8), np.full(len(roots), NEITHER, np.int8)
    np.minimum.at(wish, roots, wishes)
    np.minimum.at(held, roots, heldout)
    into_training = np.zeros(len(roots), bool)
    into_training[roots[trained]] = True
    open_ones = np.flatnonzero((held == NEITHER)[roots] & ~into_training[roots] & (wish[roots] != TRAIN))
    into_training[roots[open_ones[kin_of_trained(open_ones)]]] = True
    splits: np.ndarray = np.where(into_training, TRAIN, wish)[roots]
    splits = np.where(held[roots] == NEITHER, splits, held[roots])
    between = (held[roots] != NEITHER) & into_training[roots] & (heldout == NEITHER)
    splits[between] = NEITHER
    splits[between & trained] = TRAIN
    return splits
