from __future__ import annotations

import random

import numpy as np
import pytest

from corpora.dedup.priority import UNDATED, integers, inverse, ranks


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sources, days, names = zip(*rows, strict=True)
    return np.array(sources, np.int32), np.array(days, np.int32), np.array(names, np.uint64)


LARGEST = 2**64 - 1
ROWS = [
    (0, -(2**31), 9), (0, -1, 8), (0, 0, 7), (0, 1, 6), (0, UNDATED - 1, LARGEST), (0, UNDATED, 4), (0, UNDATED, 5),
    (0, UNDATED, LARGEST), (1, -1, 0), (2**31 - 1, -5, 3), (2**31 - 1, -5, 2**63),
]  # fmt: skip


def test_source_then_oldest_then_name() -> None:
    nobody = np.zeros(len(ROWS), bool)
    for seed in range(5):
        places = random.Random(seed).sample(range(len(ROWS)), len(ROWS))
        assert ranks(*columns([ROWS[place] for place in places]), nobody).tolist() == places


def test_the_first_come_before_all_others() -> None:
    first = np.array([False] * 9 + [True, True])
    assert ranks(*columns(ROWS), first).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1]


def test_of_two_with_one_name_the_first_is_earlier() -> None:
    assert ranks(*columns([(0, 1, 7), (0, 1, 7), (0, 1, 6)]), np.zeros(3, bool)).tolist() == [1, 2, 0]


def test_no_documents() -> None:
    empty = ranks(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0, bool))
    assert (empty.tolist(), empty.dtype) == ([], np.int32)


def test_an_inverse_permutation() -> None:
    order = np.array([2, 0, 3, 1])
    assert inverse(order).tolist() == [1, 3, 0, 2]
    assert order[inverse(order)].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("count", "kind"), [(0, np.int32), (2**31 - 1, np.int32), (2**31, np.int64)])
def test_numbers_take_four_bytes_while_they_fit(count: int, kind: type) -> None:
    assert integers(count) is kind
