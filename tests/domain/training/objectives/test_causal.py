from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.settings.objectives import Causal
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows
from domain.training.objectives import choose

X = IGNORED


def taught(tokens: list[list[int]], segments: list[list[int]]) -> Batch:
    return choose(Causal(), None, 0)(Rows(tokens=np.array(tokens), segments=np.array(segments)), 0)


def test_labels_by_hand() -> None:
    batch = taught([[5, 6, 7, 8, 9, 3]], [[0, 0, 0, 1, 1, 2]])
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch.segments["input_ids"].tolist() == [[0, 0, 0, 1, 1]]
    assert batch.labels.tolist() == [[6, 7, X, 9, X]]
    assert batch.valid == 3


def test_padding_by_hand() -> None:
    batch = taught([[5, 6, 7, 0, 0, 0]], [[0, 0, 1, -1, -1, -1]])
    assert batch.labels.tolist() == [[6, X, X, X, X]]
    assert batch.segments["input_ids"].tolist() == [[0, 0, 1, -1, -1]]
    assert batch.valid == 1


def test_a_row_is_one_longer_than_what_the_model_is_given() -> None:
    objective = choose(Causal(), None, 0)
    rows = Rows(*(np.zeros((3, objective.raw(8) + 1), dtype=np.int64) for _ in range(2)))
    assert objective(rows, 0).inputs["input_ids"].shape == (3, 8)


def test_a_part_keeps_the_count_of_the_whole() -> None:
    batch = taught([[5, 6, 7], [8, 9, 3]], [[0, 0, 0], [0, 1, 1]])
    part = batch.part(1, 2, torch.device("cpu"))
    assert part.inputs["input_ids"].tolist() == [[8, 9]]
    assert part.segments["input_ids"].tolist() == [[0, 1]]
    assert part.labels.tolist() == [[X, 3]]
    assert part.valid == batch.valid == 3


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), padding=st.integers(0, 5))
def test_every_token_but_a_documents_first_is_predicted_from_the_one_before(lengths: list[int], padding: int) -> None:
    segments = [n for n, length in enumerate(lengths) for _ in range(length)] + [PADDING] * padding
    tokens = [100 * n + place for n, length in enumerate(lengths) for place in range(length)] + [0] * padding
    if len(tokens) < 2:
        return
    batch = taught([tokens], [segments])
    pairs = [
        (a, b) for a, b in zip(batch.inputs["input_ids"][0].tolist(), batch.labels[0].tolist(), strict=True) if b != X
    ]
    assert pairs == [(100 * n + p, 100 * n + p + 1) for n, length in enumerate(lengths) for p in range(length - 1)]
    assert batch.valid == sum(length - 1 for length in lengths)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_packed_rows_loss_is_that_of_its_documents(tokenizer: Any, family: str) -> None:
    """With a mask of this test's own: labels and segments are all that masks and positions are made from."""
    from domain.model.build import build
    from domain.model.spec import Scratch

    model = build(Scratch(architecture=family, width=32, layers=2, heads=4, context=64), tokenizer.path, seed=0).eval()
    lengths = (7, 1, 12, 4)
    tokens = np.random.default_rng(0).integers(3, 320, sum(lengths))
    batch = taught([tokens.tolist()], [np.repeat(np.arange(4), lengths).tolist()])
    seen = batch.segments["input_ids"][0]
    places = torch.cat([torch.arange(n) for n in lengths])[:-1]
    mask = (seen[:, None] == seen[None, :]).tril()
    with torch.no_grad():
        logits = model(batch.inputs["input_ids"], attention_mask=mask[None, None], position_ids=places[None]).logits[0]
        packed = functional.cross_entropy(logits, batch.labels[0], ignore_index=X, reduction="sum")
        apart = torch.zeros(())
        for document in np.split(tokens, np.cumsum(lengths)[:-1]):
            if len(document) > 1:
                ids = torch.from_numpy(document)
                apart += functional.cross_entropy(model(ids[None, :-1]).logits[0], ids[1:], reduction="sum")
    assert float(packed) == pytest.approx(float(apart), rel=1e-5)
    assert batch.valid == sum(lengths) - 4
