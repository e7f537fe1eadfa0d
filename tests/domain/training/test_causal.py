"""Documents that share a row never see each other: packed equals separate, forward and backward, in train mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from domain.model.build import build
from domain.model.spec import Scratch
from domain.tokens.packing import Rows
from domain.training.objectives import IGNORED
from domain.training.objectives.causal import causal

LENGTHS = (7, 1, 12, 4)


def packed() -> Rows:
    """Four documents in one row of 24 tokens."""
    tokens = np.random.default_rng(0).integers(3, 320, (1, sum(LENGTHS)))
    segments = np.repeat(np.arange(len(LENGTHS)), LENGTHS)[None]
    return Rows(tokens=tokens, segments=segments)


def test_labels_by_hand() -> None:
    rows = Rows(tokens=np.array([[5, 6, 7, 8, 9, 3]]), segments=np.array([[0, 0, 0, 1, 1, 2]]))
    batch = causal(rows, 0)
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch.labels.tolist() == [[6, 7, IGNORED, 9, IGNORED]]
    assert batch.valid == 3
    assert batch.inputs["position_ids"].tolist() == [[0, 1, 2, 0, 1]]
    seen = batch.inputs["attention_mask"][0, 0].int().tolist()
    assert seen == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]]


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_packed_equals_separate(tokenizer: Any, architecture: str) -> None:
    shape = Scratch(architecture=architecture, width=32, layers=2, heads=4, context=64)
    model = build(shape, tokenizer.path, seed=0).train()
    rows = packed()
    batch = causal(rows, 0)
    logits = model(**batch.inputs, use_cache=False).logits
    loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, reduction="sum")
    loss.backward()
    together = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()

    start = 0
    apart = torch.zeros(())
    for length in LENGTHS:
        ids = torch.from_numpy(rows.tokens[:, start : start + length])
        if length > 1:
            alone = model(input_ids=ids[:, :-1], use_cache=False).logits
            torch.testing.assert_close(logits[:, start : start + length - 1], alone, atol=1e-5, rtol=1e-4)
            part = functional.cross_entropy(alone.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
            part.backward()
            apart += part.detach()
        start += length
    assert float(loss) == pytest.approx(float(apart), rel=1e-6)
    for one, parameter in zip(together, model.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, atol=1e-5, rtol=1e-4)
