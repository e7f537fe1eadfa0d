from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokens.packing import Stream, positions
from domain.tokens.shards import Shard, ShardWriter


def shard_of(folder: Path, lengths: list[int]) -> Shard:
    """Document i of length n is the ids 1000 i, 1000 i + 1, ... so that each id tells its origin."""
    with ShardWriter(folder / "train" / "domain", vocabulary=10**6) as writer:
        for index, length in enumerate(lengths):
            writer.add(np.arange(1000 * index, 1000 * index + length), length)
    return Shard(folder / "train" / "domain")


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12), context=st.integers(2, 33), seed=st.integers(0, 5)
)
def test_rows_are_the_shuffled_stream(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], context: int, seed: int
) -> None:
    shard = shard_of(tmp_path_factory.mktemp("shard"), lengths)
    stream = Stream(shard, context=context, seed=(seed, 0))
    epochs = [stream.order(epoch)[0] for epoch in range(4)]
    expected = np.concatenate([shard.document(int(d)) for order in epochs for d in order])
    rows = (3 * shard.tokens) // context
    for number in range(rows):
        tokens, segments = stream.row(number)
        wanted = expected[number * context : (number + 1) * context + 1]
        assert tokens[: len(wanted)].tolist() == wanted.tolist()
        begins = np.flatnonzero(tokens % 1000 == 0)
        assert segments[0] == 0
        # a new segment begins exactly where a document does
        assert (np.flatnonzero(np.diff(segments)) + 1).tolist() == [b for b in begins.tolist() if b > 0]


def test_each_epoch_reads_every_document_once_in_another_order(tmp_path: Path) -> None:
    stream = Stream(shard_of(tmp_path, [3] * 50), context=5, seed=(0, 0))
    first, second = stream.order(0)[0], stream.order(1)[0]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert first.tolist() != second.tolist()


def test_positions_restart_with_each_document() -> None:
    segments = np.array([[0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 1]])
    assert positions(segments).tolist() == [[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 3, 4]]
