from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.tokens.one_per_row import Separate
from tests.domain.tokens.held import STRIDE, source_of, written

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


def rows_of(packed: Separate, numbers: range) -> list[tuple[np.ndarray, np.ndarray]]:
    found = [(np.full(packed.context + 1, -7), np.full(packed.context + 1, -7)) for _ in numbers]
    for number, (tokens, segments) in zip(numbers, found, strict=True):
        packed.write(number, tokens, segments)
    return found


def test_by_hand() -> None:
    # 12 tokens in rows of 5 are 0-4, 4-8 and 8-11; the other two have a row each: 5 + 5 + 4 + 3 + 1 of 25 are filled
    packed = Separate(source_of([12, 3, 1]), context=4, seed=0)
    assert packed.epoch_rows == 5
    assert packed.truncated == pytest.approx(1 / 3)
    assert packed.padding == pytest.approx(1 - 18 / 25)
    assert packed.rows(1.5) == 7
    assert packed.epochs(10) == 2.0
    rows = sorted((tokens.tolist(), segments.tolist()) for tokens, segments in rows_of(packed, range(5)))
    assert rows == [
        ([0, 1, 2, 3, 4], [0, 0, 0, 0, 0]),
        ([4, 5, 6, 7, 8], [0, 0, 0, 0, 0]),
        ([8, 9, 10, 11, 0], [0, 0, 0, 0, -1]),
        ([STRIDE, STRIDE + 1, STRIDE + 2, 0, 0], [0, 0, 0, -1, -1]),
        ([2 * STRIDE, 0, 0, 0, 0], [0, -1, -1, -1, -1]),
    ]


@settings(max_examples=80, deadline=None)
@given(lengths=LENGTHS, context=st.integers(1, 33), epoch=st.integers(0, 3))
def test_every_epoch_predicts_every_token_once_from_its_own_document(
    lengths: list[int], context: int, epoch: int
) -> None:
    packed = Separate(source_of(lengths), context=context, seed=0)
    predicted: Counter[int] = Counter()
    filled = 0
    for tokens, segments in rows_of(packed, range(epoch * packed.epoch_rows, (epoch + 1) * packed.epoch_rows)):
        held = int((segments == 0).sum())
        assert segments.tolist() == [0] * held + [-1] * (context + 1 - held)
        assert tokens[held:].tolist() == [0] * (context + 1 - held)
        assert held > 0
        assert tokens[:held].tolist() == list(range(tokens[0], tokens[0] + held))
        predicted.update(tokens[1:held].tolist())
        filled += held
    assert predicted == Counter(STRIDE * d + t for d, n in enumerate(lengths) for t in range(1, n))
    assert packed.padding == pytest.approx(1 - filled / (packed.epoch_rows * (context + 1)))
    assert packed.truncated == pytest.approx(np.mean([n > context + 1 for n in lengths]))


def test_a_row_is_a_function_of_seed_source_and_number() -> None:
    def rows(seed: int, numbers: range, name: str = "calls") -> list[list[int]]:
        return [
            t.tolist() for t, _ in rows_of(Separate(source_of([5, 9, 30] * 9, name), context=8, seed=seed), numbers)
        ]

    whole = rows(0, range(180))
    assert rows(0, range(100, 180)) == whole[100:]
    assert rows(1, range(180)) != whole
    assert rows(0, range(180), "filings") != whole
    epoch = 9 * (1 + 1 + 4)
    assert whole[:epoch] != whole[epoch : 2 * epoch]
    assert sorted(whole[:epoch]) == sorted(whole[epoch : 2 * epoch])


def test_batches_read_it(tmp_path: Path) -> None:
    held = written(tmp_path, {"domain": {"calls": [7, 30, 3] * 6}, "general": {"web": [12, 4] * 9}})
    batches = Batches(held, Mixture(), rows=4, context=10, batches=6, seed=0, packing="separate")
    for index in range(6):
        assert set(np.unique(batches[index].segments)) <= {0, -1}
        assert (batches[index].segments[:, 0] == 0).all()
    # in rows of 11, domain documents have 1, 3 and 1 rows: 42 tokens in 55 places; general ones 2 and 1: 17 in 33
    truncated, padding = (batches.packed()[name] for name in ("truncated", "padding"))
    rows = {part: count for part, _, count in batches.each()}
    assert padding == pytest.approx(np.average([13 / 55, 16 / 33], weights=[rows["domain"], rows["general"]]))
    assert 1 / 3 <= truncated <= 1 / 2
