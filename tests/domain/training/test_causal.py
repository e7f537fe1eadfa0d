"""Documents that share a row never see each other: packed equals separate, forward and backward, in train mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from domain.model.build import build
from domain.model.spec import Scratch
from domain.tokens.bestfit import BestFit
from domain.tokens.packing import Rows, Source
from domain.training.objectives import IGNORED
from domain.training.objectives.causal import causal

LENGTHS = (7, 1, 12, 4)


def packed() -> Rows:
    """Four documents in one row of 24 tokens."""
    tokens = np.random.default_rng(0).integers(3, 320, (1, sum(LENGTHS)))
    segments = np.repeat(np.arange(len(LENGTHS)), LENGTHS)[None]
    return Rows(tokens=tokens, segments=segments)


class Held:
    """Documents in memory."""

    def __init__(self, texts: list[np.ndarray]) -> None:
        self.texts = texts

    def document(self, index: int) -> np.ndarray:
        return self.texts[index]


def fitted() -> Rows:
    """Eight documents in rows of 24 tokens by best fit; the longest is cut, and most rows are padded."""
    random = np.random.default_rng(1)
    texts = [random.integers(3, 320, length) for length in (40, 13, 9, 20, 3, 14, 2, 12)]
    lengths = np.array([len(text) for text in texts])
    best = BestFit(Source(Held(texts), "domain", "calls", np.arange(8), lengths), context=23, seed=0)
    rows = Rows(*(np.empty((best.epoch_rows, 24), dtype=np.int64) for _ in range(2)))
    for number in range(best.epoch_rows):
        best.write(number, rows.tokens[number], rows.segments[number])
    assert 0.1 < np.mean(rows.segments == -1) < 0.3
    assert rows.segments.max() > 0
    return rows


def test_labels_by_hand() -> None:
    rows = Rows(tokens=np.array([[5, 6, 7, 8, 9, 3]]), segments=np.array([[0, 0, 0, 1, 1, 2]]))
    batch = causal(rows, 0)
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch.labels.tolist() == [[6, 7, IGNORED, 9, IGNORED]]
    assert batch.valid == 3
    assert batch.inputs["position_ids"].tolist() == [[0, 1, 2, 0, 1]]
    seen = batch.inputs["attention_mask"][0, 0].int().tolist()
    assert seen == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]]


def test_padding_by_hand() -> None:
    rows = Rows(tokens=np.array([[5, 6, 7, 0, 0, 0]]), segments=np.array([[0, 0, 1, -1, -1, -1]]))
    batch = causal(rows, 0)
    assert batch.labels.tolist() == [[6, IGNORED, IGNORED, IGNORED, IGNORED]]
    assert batch.valid == 1
    seen = batch.inputs["attention_mask"][0, 0]
    assert not seen[:3, 3:].any()  # no token sees padding
    assert not seen[3:, :3].any()
    assert seen.any(dim=1).all()  # a softmax over nothing is NaN


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("made", [packed, fitted])
def test_packed_equals_separate(tokenizer: Any, architecture: str, made: Any) -> None:
    shape = Scratch(architecture=architecture, width=32, layers=2, heads=4, context=64)
    model = build(shape, tokenizer.path, seed=0).train()
    rows = made()
    batch = causal(rows, 0)
    logits = model(**batch.inputs, use_cache=False).logits
    assert logits.isfinite().all()
    loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, reduction="sum")
    loss.backward()
    together = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()

    apart, valid = torch.zeros(()), 0
    for row, (tokens, segments) in enumerate(zip(rows.tokens, rows.segments, strict=True)):
        for segment in range(segments.max() + 1):
            (places,) = np.nonzero(segments == segment)
            ids = torch.from_numpy(tokens[places])[None]
            if len(places) > 1:
                alone = model(input_ids=ids[:, :-1], use_cache=False).logits
                torch.testing.assert_close(logits[row, places[:-1]], alone[0], atol=1e-5, rtol=1e-4)
                part = functional.cross_entropy(alone.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
                part.backward()
                apart += part.detach()
                valid += len(places) - 1
    assert batch.valid == valid
    assert float(loss.detach()) == pytest.approx(float(apart), rel=1e-6)
    for one, parameter in zip(together, model.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, atol=1e-5, rtol=1e-4)
