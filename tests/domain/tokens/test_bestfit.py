from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokens.bestfit import BestFit, best_fit
from domain.tokens.packing import SourceDocuments
from tests.domain.tokens.held import STRIDE, Held, source_of

LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=40)


def plain(lengths: list[int], room: int) -> list[list[int]]:
    """Best-fit-decreasing as a textbook has it: each into the fullest that takes it, else into a new one."""
    bins: list[list[int]] = []
    for length in sorted(lengths, reverse=True):
        fits = [each for each in bins if sum(each) + length <= room]
        if fits:
            max(fits, key=sum).append(length)
        else:
            bins.append([length])
    return bins


def rows_of(packed: BestFit, numbers: range) -> list[tuple[np.ndarray, np.ndarray]]:
    found = [(np.full(packed.context + 1, -7), np.full(packed.context + 1, -7)) for _ in numbers]
    for number, (tokens, segments) in zip(numbers, found, strict=True):
        packed.write(number, tokens, segments)
    return found


@settings(max_examples=150, deadline=None)
@given(lengths=st.lists(st.integers(1, 20), max_size=60))
def test_rows_as_full_as_the_textbooks(lengths: list[int]) -> None:
    where, rows = best_fit(np.bincount(np.array(lengths, dtype=int), minlength=21), 20)
    mine: list[list[int]] = [[] for _ in range(rows)]
    for length, place in zip(sorted(lengths, reverse=True), where.tolist(), strict=True):
        mine[place].append(length)
    # between rows that are equally full the textbook has no choice; how full rows become does not depend on it
    assert sorted(map(sum, mine)) == sorted(map(sum, plain(lengths, 20)))


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, context=st.integers(2, 33), epoch=st.integers(0, 3))
def test_an_epoch_predicts_every_token_once(lengths: list[int], context: int, epoch: int) -> None:
    packed = BestFit(source_of(lengths), context=context, seed=0)
    predicted: Counter[int] = Counter()
    for tokens, segments in rows_of(packed, range(epoch * packed.epoch_rows, (epoch + 1) * packed.epoch_rows)):
        real = segments >= 0
        assert tokens[~real].tolist() == [0] * int((~real).sum())
        assert real[: real.sum()].all()  # padding is at the end
        follows = (segments[1:] == segments[:-1]) & real[1:]
        assert (tokens[1:][follows] == tokens[:-1][follows] + 1).all()
        predicted.update(tokens[1:][follows].tolist())
        # segments rise by one at each border
        assert set(np.diff(segments[real]).tolist()) <= {0, 1}
        assert segments[0] == 0
    assert predicted == Counter(STRIDE * d + t for d, n in enumerate(lengths) for t in range(1, n))


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, context=st.integers(2, 33))
def test_only_longer_documents_are_cut_and_shares_are_true(lengths: list[int], context: int) -> None:
    packed = BestFit(source_of(lengths), context=context, seed=0)
    rows = rows_of(packed, range(packed.epoch_rows))
    held = [set(tokens[segments >= 0].tolist()) for tokens, segments in rows]
    whole = [any(set(range(STRIDE * d, STRIDE * d + n)) <= row for row in held) for d, n in enumerate(lengths)]
    assert whole == [n <= context + 1 for n in lengths]
    assert packed.truncated == pytest.approx(1 - sum(whole) / len(whole))
    assert packed.padding == pytest.approx(np.mean([segments == -1 for _, segments in rows]))


def test_by_hand() -> None:
    # 12 tokens in rows of 5: pieces 0-4, 4-8, 8-11 (5, 5 and 4 tokens); with 3, 2 and 1: 5 | 5 | 4 1 | 3 2
    packed = BestFit(source_of([12, 3, 2, 1]), context=4, seed=0)
    assert packed.epoch_rows == 4
    assert packed.truncated == 0.25
    assert packed.padding == 0.0
    rows = sorted(tokens.tolist() for tokens, _ in rows_of(packed, range(4)))
    d1, d2, d3 = STRIDE, 2 * STRIDE, 3 * STRIDE
    assert rows == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [8, 9, 10, 11, d3], [d1, d1 + 1, d1 + 2, d2, d2 + 1]]


def test_epochs_have_the_same_number_of_rows_in_another_order() -> None:
    packed = BestFit(source_of([5, 5, 5, 3, 3, 2, 2] * 20), context=9, seed=0)
    one, two = ([t.tolist() for t, _ in rows_of(packed, range(e * packed.epoch_rows, (e + 1) * packed.epoch_rows))]
                for e in (0, 1))  # fmt: skip
    assert one != two
    assert sorted(np.concatenate(one)) == sorted(np.concatenate(two))
    assert packed.rows(1.5) == int(1.5 * packed.epoch_rows)
    assert packed.epochs(packed.epoch_rows * 3) == 3.0


def test_a_million_documents_take_seconds() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(6.0, 1.2, 10**6).astype(np.int64), 2, None)
    source = SourceDocuments(Held([]), "domain", "calls", np.arange(10**6), lengths)
    began = time.process_time()
    packed = BestFit(source, context=2048, seed=0)
    packed.order(0)
    assert time.process_time() - began < 10  # 0.3 s measured
    pieces = sum(int(size) for size in packed.sizes)
    assert packed.epoch_rows <= 1.01 * pieces / 2049  # no packing has fewer rows than tokens ask for
