from __future__ import annotations

import random

import numpy as np

from corpora.dedup.priority import ranks


def test_domain_then_source_then_oldest_then_id() -> None:
    rows = [
        ("domain", 0, "2001-05-01", "z"), ("domain", 0, "2001-05-02", "a"), ("domain", 0, None, "a0"),
        ("domain", 1, "1990-01-01", "b"), ("general", 0, "1980-01-01", "c"), ("general", 0, "1980-01-01", "d"),
    ]  # fmt: skip
    for seed in range(5):
        places = random.Random(seed).sample(range(6), 6)
        parts, sources, dates, ids = zip(*(rows[place] for place in places), strict=True)
        assert ranks(parts, sources, dates, ids).tolist() == places


def test_no_documents() -> None:
    assert ranks([], [], [], []).tolist() == []
    assert ranks([], [], [], []).dtype == np.int64
