"""Validation, test and later: what no model trains on, decided by near-duplicate cluster.

``later`` moves forward. A text that was scored as the future is, once newer ones have come, by its key in test, in
validation, or free to be trained on; so the frozen share of it is never trained on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from corpora.ledger import PartSource
from domain.spec import Share, Spec

LOUDEST = ("test", "validation", "train", "later")  # a cluster goes whole to the first of these that a member asks for


class Holdout(Spec):
    """Shares of each source's documents that are held out."""

    validation: Annotated[Share, Field(description="the training loop and pilots may look at it")] = 0.01
    test: Annotated[Share, Field(description="only the gate looks at it; frozen for ever")] = 0.01
    later: Annotated[Share, Field(description="the last share by date, of dated sources")] = 0.0

    @model_validator(mode="after")
    def _leaves_some(self) -> Holdout:
        total = self.validation + self.test + self.later
        if total >= 0.9:
            raise ValueError(f"the shares add up to {total:g}, which leaves too little to train on; lower them")
        return self


def split_of_key(key: int, spec: Holdout) -> str:
    """The split that a text's own key (64 random bits) asks for: the same every week, whatever else comes."""
    place = key / 2**64
    if place < spec.test:
        return "test"
    return "validation" if place < spec.test + spec.validation else "train"


def first_later_days(sources: Sequence[PartSource], dates: Sequence[str | None], share: float) -> dict[PartSource, str]:
    """By source, the first day of its last ``share`` of dated documents; whole days, so at most that share."""
    by_source: dict[PartSource, Counter[str]] = defaultdict(Counter)
    for source, day in zip(sources, dates, strict=True):
        if day is not None:
            by_source[source][day] += 1
    first = {}
    for source, days in by_source.items():
        left = share * sum(days.values()) + 1e-9  # 0.29 * 100 is 28.999999999999996
        for day in sorted(days, reverse=True):
            left -= days[day]
            if left < 0:
                break
            first[source] = day
    return first


def split(
    keys: Sequence[int], sources: Sequence[PartSource], dates: Sequence[str | None], roots: Sequence[int], spec: Holdout
) -> list[str]:
    """The split of each document. ``roots`` names its cluster.

    A cluster is never divided. A document asks for ``later`` by its date, else for a split by its key; its cluster
    goes to test where any member asks for that, so a text in test stays there when kin arrives; it is later only
    where all of it is: what repeats an older text is no news.
    """
    first = first_later_days(sources, dates, spec.later)
    loudness = {name: place for place, name in enumerate(LOUDEST)}
    targets: dict[int, int] = {}
    for key, source, day, root in zip(keys, sources, dates, roots, strict=True):
        is_later = day is not None and source in first and day >= first[source]
        wish = loudness["later" if is_later else split_of_key(key, spec)]
        targets[root] = min(wish, targets.get(root, wish))
    return [LOUDEST[targets[root]] for root in roots]
