"""Which of several duplicates stays: source priority, then the oldest date, then the id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domain.artifacts import PARTS


def ranks(parts: Sequence[str], sources: Sequence[int], dates: Sequence[str | None], ids: Sequence[str]) -> np.ndarray:
    """int64 [documents], lower is earlier: domain before general, sources as the recipe lists them, undated last.

    It depends on nothing but what a document is: not on files, shards or workers. Ids are unique, so no two tie.
    """
    part = {name: place for place, name in enumerate(PARTS)}
    columns = zip(parts, sources, dates, ids, strict=True)
    stated = [(part[p], source, date is None, date or "", name) for p, source, date, name in columns]
    ranked = np.empty(len(stated), dtype=np.int64)
    ranked[sorted(range(len(stated)), key=stated.__getitem__)] = np.arange(len(stated))
    return ranked
