from __future__ import annotations

import random

import numpy as np

from corpora.dedup.priority import ranks


def columns(rows: list[tuple[int, str | None, str]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    sources, dates, ids = zip(*rows, strict=True)
    return np.array(sources, np.int32), np.array([date or "" for date in dates], "S10"), list(ids)


ROWS = [
    (0, "2001-05-01", "z"), (0, "2001-05-02", "a"), (0, "9999-12-31", "a"), (0, None, "a0"), (0, None, "\u00e9"),
    (0, None, "\U0001f600"), (1, "1990-01-01", "b"), (2, "1980-01-01", "c"), (2, "1980-01-01", "d"),
]  # fmt: skip


def test_source_then_oldest_then_id() -> None:
    for seed in range(5):
        places = random.Random(seed).sample(range(len(ROWS)), len(ROWS))
        assert ranks(*columns([ROWS[place] for place in places])).tolist() == places


def test_the_first_come_before_all_others() -> None:
    first = np.array([False] * 7 + [True, True])
    assert ranks(*columns(ROWS), first).tolist() == [2, 3, 4, 5, 6, 7, 8, 0, 1]


def test_no_documents() -> None:
    empty = ranks(np.empty(0, np.int32), np.empty(0, "S10"), [])
    assert (empty.tolist(), empty.dtype) == ([], np.int64)
