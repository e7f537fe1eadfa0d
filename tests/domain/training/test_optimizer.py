from __future__ import annotations

from typing import Any

import pytest

from domain.model.build import build
from domain.model.spec import Scratch
from domain.training.optimizer import adamw, rate
from domain.training.spec import Learning


def test_cosine_by_hand() -> None:
    spec = Learning(learning_rate=1.0, warmup=0.1, floor=0.2)
    rates = [rate(spec, step, 101) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.6)  # half way down: the mean of peak and floor
    assert rates[100] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)


def test_linear_and_none() -> None:
    linear = Learning(learning_rate=2.0, warmup=0.0, floor=0.0, decay="linear")
    assert [rate(linear, step, 5) for step in range(5)] == pytest.approx([2.0, 1.5, 1.0, 0.5, 0.0])
    assert {rate(linear.but(decay="none"), step, 5) for step in range(5)} == {2.0}


def test_one_step_is_a_schedule_too() -> None:
    assert rate(Learning(warmup=0.0), 0, 1) == pytest.approx(1e-3)


def test_norms_biases_and_embeddings_do_not_decay(tokenizer: Any) -> None:
    model = build(Scratch(architecture="gpt2", width=32, layers=1, heads=4), tokenizer.path, seed=0)
    optimizer = adamw(model, Learning(weight_decay=0.3))
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        matrix = name.endswith("weight") and ".h." in name and "ln_" not in name
        assert decays[id(parameter)] == (0.3 if matrix else 0.0), name
    assert len(decays) == len(list(model.parameters()))
