"""Which of several duplicates stays: source priority, then the oldest date, then the id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNDATED = b"~"  # behind every date


def ranks(sources: np.ndarray, dates: np.ndarray, ids: Sequence[str], first: np.ndarray | None = None) -> np.ndarray:
    """int64 [documents], lower is earlier: by source, undated last, by id.

    It depends on nothing but what a document is: not on files, shards or workers. Ids are unique, so no two tie.

    Args:
        sources: int32 [documents], the place of each one's source: domain before general, then as the recipe lists them
        dates: bytes [documents], YYYY-MM-DD or empty
        ids: their ids
        first: bool [documents], those that come before all others
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pc.rank(pa.array(ids, pa.large_string()), sort_keys="ascending", tiebreaker="first").to_numpy()
    days = np.where(dates == b"", UNDATED, dates)
    later = np.zeros(len(ids), bool) if first is None else ~first
    ranked = np.empty(len(ids), np.int64)
    ranked[np.lexsort((names, days, sources, later))] = np.arange(len(ids))
    return ranked
