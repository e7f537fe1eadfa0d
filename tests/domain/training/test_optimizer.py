from __future__ import annotations

from typing import Any

import pytest
import torch

from domain.model.build import build
from domain.model.spec import Scratch
from domain.settings.learning import Learning, Training
from domain.training.optimizer import EmbeddingWarmup, adamw
from tests.domain.model import tiny


def test_norms_biases_and_embeddings_do_not_decay(tokenizer: Any) -> None:
    model = build(Scratch(architecture="gpt2", width=32, layers=1, heads=4), tokenizer.path, seed=0)
    optimizer = adamw(model, Learning(weight_decay=0.3))
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        matrix = name.endswith("weight") and ".h." in name and "ln_" not in name
        assert decays[id(parameter)] == (0.3 if matrix else 0.0), name
    assert len(decays) == len(list(model.parameters()))


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_rows_alone_then_everything(kind: str) -> None:
    """On a model whose head has weight decay and, in one kind, a bias."""
    model = tiny.model(16, kind=kind)
    optimizer = adamw(model, Learning(weight_decay=0.5))
    usual = [group["weight_decay"] for group in optimizer.param_groups]
    first = EmbeddingWarmup(model, optimizer, range(12, 14), 2)
    table, head = tiny.matrices(model)
    grown = [table.weight, head.weight, *([] if head.bias is None else [head.bias])]

    def step(index: int) -> None:
        first.begin(index)
        model(torch.arange(16)[None], labels=torch.arange(16)[None]).loss.backward()
        first.mask()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    before = [parameter.detach().clone() for parameter in model.parameters()]
    for index in (0, 1):
        step(index)
        assert [group["weight_decay"] for group in optimizer.param_groups] == [0.0, 0.0]
        assert len(optimizer.state) == len(grown)
    for parameter, was in zip(model.parameters(), before, strict=True):
        if any(parameter is each for each in grown):
            moved = (parameter != was).reshape(16, -1).any(1)
            assert moved.nonzero().flatten().tolist() == [12, 13]
        else:
            assert torch.equal(parameter, was)
    step(2)
    assert [group["weight_decay"] for group in optimizer.param_groups] == usual == [0.5, 0.0]
    assert len(optimizer.state) == len(list(model.parameters()))
    assert not any(torch.equal(p, was) for p, was in zip(model.parameters(), before, strict=True))


def test_without_rows_nothing_is_frozen() -> None:
    model = tiny.model(16)
    first = EmbeddingWarmup(model, adamw(model, Learning()), range(0), 5)
    first.begin(0)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_rows_are_alone_for_a_fiftieth_at_most() -> None:
    assert Training().embedding_warmup == 0.02
    with pytest.raises(ValueError, match=r"less than or equal to 0\.02"):
        Training(embedding_warmup=0.03)
