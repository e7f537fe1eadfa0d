from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokens.interleave import Turns, capped

SHARES = st.lists(st.floats(0.001, 1.0), min_size=1, max_size=30)
FURTHEST = 1.69  # rows: (1 + sum of 1/Fibonacci) / 2, where the sum from 1/1 + 1/2 + 1/3 + 1/5 on is 2.3599


def dealt(turns: Turns, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Streams and numbers of the first rows."""
    found = np.array([turns.of(row) for row in range(rows)], dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def running(streams: np.ndarray, number: int) -> np.ndarray:
    """Rows of each stream up to and with each row: [rows, streams]."""
    return np.cumsum(streams[:, None] == np.arange(number), axis=0)


def test_two_streams_by_hand() -> None:
    streams, numbers = dealt(Turns([(0, [0.75, 0.25])]), 8)
    # of n rows round(0.75 n), halves up, are the first's: 1 2 2 3 4 5 5 6
    assert streams.tolist() == [0, 0, 1, 0, 0, 0, 1, 0]
    assert numbers.tolist() == [0, 1, 0, 2, 3, 4, 1, 5]


def test_equal_shares_of_a_stream_and_of_two_others_together() -> None:
    assert Turns([(0, [0.5, 0.25, 0.25])]).counts(8) == [4, 2, 2]


def test_every_machine_deals_by_shares_of_forty_bits() -> None:
    left = Fraction(round(Fraction(2, 3) * 2**40), 2**40) * 10**15  # halves of a row do not come up
    assert Turns([(0, [2.0, 1.0])]).counts(10**15) == [round(left), 10**15 - round(left)]


@settings(max_examples=60, deadline=None)
@given(shares=SHARES)
def test_shares_hold_at_every_moment(shares: list[float]) -> None:
    streams, numbers = dealt(Turns([(0, shares)]), 1_000)
    counts = running(streams, len(shares))
    wanted = np.arange(1, 1_001)[:, None] * (np.array(shares) / sum(shares))
    assert np.abs(counts - wanted).max() <= FURTHEST
    assert (numbers == counts[np.arange(1_000), streams] - 1).all()


@settings(max_examples=60, deadline=None)
@given(shares=SHARES, first=st.integers(0, 10**12), data=st.data())
def test_any_row_is_found_alone(shares: list[float], first: int, data: st.DataObject) -> None:
    turns = Turns([(0, shares), (data.draw(st.integers(1, 10**12)), shares[::-1])])
    taken = turns.counts(first)
    assert sum(taken) == first
    for row in range(first, first + 30):  # each is the next of its stream
        stream, number = turns.of(row)
        assert number == taken[stream]
        taken[stream] += 1
    assert turns.counts(first + 30) == taken


def test_shares_change_at_a_stated_row_and_numbers_go_on() -> None:
    before, after = Turns([(0, [0.9, 0.1])]), Turns([(0, [0.9, 0.1]), (100, [0.0, 1.0])])
    streams, numbers = dealt(after, 150)
    assert np.array_equal(streams[:100], dealt(before, 100)[0])
    assert streams[100:].tolist() == [1] * 50
    assert numbers[100:].tolist() == list(range(10, 60))  # the second had 10 before


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shares=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=8))
def test_a_cap_holds_and_the_others_take_over(data: st.DataObject, shares: list[float]) -> None:
    most = [data.draw(st.integers(0, 60)) for _ in shares]
    rows = data.draw(st.integers(0, sum(most)))
    streams, numbers = dealt(capped(shares, most, rows), rows)
    for stream, limit in enumerate(most):
        mine = numbers[streams == stream]
        assert mine.tolist() == list(range(len(mine)))
        assert len(mine) <= limit


def test_a_cap_by_hand() -> None:
    # half each until the first has its 3 rows; then the second alone
    turns = capped([0.5, 0.5], [3, 100], 20)
    streams, _ = dealt(turns, 20)
    assert sorted(streams[:6].tolist()) == [0, 0, 0, 1, 1, 1]
    assert streams[6:].tolist() == [1] * 14
    # three: what the first leaves is shared 3 to 1, as the others' shares are
    counts = capped([0.6, 0.3, 0.1], [60, 10**9, 10**9], 1_100).counts(1_100)
    assert counts[0] == 60
    assert counts[1:] == pytest.approx([780, 260], abs=2)
