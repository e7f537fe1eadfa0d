from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokens.packing import Rows, Stream
from tests.domain.tokens.held import STRIDE, source_of


def row(stream: Stream, number: int) -> tuple[np.ndarray, np.ndarray]:
    rows = Rows(*(np.full((1, stream.context + 1), -7) for _ in range(2)))
    stream.write(number, rows.tokens[0], rows.segments[0])
    return rows.tokens[0], rows.segments[0]


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12), context=st.integers(2, 33), seed=st.integers(0, 5)
)
def test_rows_are_the_shuffled_stream(lengths: list[int], context: int, seed: int) -> None:
    source = source_of(lengths)
    stream = Stream(source, context=context, seed=seed)
    epochs = [stream.order(epoch)[0] for epoch in range(4)]
    expected = np.concatenate([source.document(int(d)) for order in epochs for d in order])
    for number in reversed(range((3 * source.tokens) // context)):
        tokens, segments = row(stream, number)
        wanted = expected[number * context : (number + 1) * context + 1]
        assert tokens[: len(wanted)].tolist() == wanted.tolist()
        begins = np.flatnonzero(tokens % STRIDE == 0)
        assert segments[0] == 0
        # a new segment begins exactly where a document does
        assert (np.flatnonzero(np.diff(segments)) + 1).tolist() == [b for b in begins.tolist() if b > 0]


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(2, 40), min_size=1, max_size=12), context=st.integers(2, 33))
def test_truncated_is_what_a_reader_of_the_rows_would_count(lengths: list[int], context: int) -> None:
    stream = Stream(source_of(lengths), context=context, seed=0)
    whole = set()
    for number in range(stream.source.tokens // context + 1):
        tokens, _ = row(stream, number)
        seen = tokens[: stream.source.tokens - number * context].tolist()  # the rest is the next epoch's
        whole |= {d for d, n in enumerate(lengths) if set(range(STRIDE * d, STRIDE * d + n)) <= set(seen)}
    assert stream.truncated == pytest.approx(1 - len(whole) / len(lengths))


def test_each_epoch_reads_every_document_once_in_another_order() -> None:
    stream = Stream(source_of([3] * 50), context=5, seed=0)
    first, second = stream.order(0)[0], stream.order(1)[0]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert first.tolist() != second.tolist()


def test_an_order_is_of_seed_source_and_epoch() -> None:
    def order(name: str, seed: int) -> list[int]:
        return Stream(source_of([3] * 50, name), context=5, seed=seed).order(0)[0].tolist()

    assert order("calls", 0) == order("calls", 0)
    assert order("calls", 0) != order("calls", 1)
    assert order("calls", 0) != order("filings", 0)


def test_passes_and_rows() -> None:
    stream = Stream(source_of([30, 70]), context=16, seed=0)
    assert stream.rows(2.5) == 15  # 250 tokens in rows of 16
    assert stream.epochs(25) == 4.0
