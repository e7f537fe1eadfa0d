from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Refusal
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.planning.memory import training_memory
from domain.planning.plan import make_plan
from domain.planning.rate import learning_rate_of
from domain.planning.scaling import flops_per_token, optimal_tokens, predicted_loss
from domain.planning.shape import Shape, shape_of
from domain.tokenizer.fit import Fitting
from domain.training.spec import Training

CPU = Machine(device="cpu", precision="fp32")
CHINCHILLA = Shape(parameters=70_000_000_000, layers=80, width=8_192, heads=64, vocabulary=32_000, context=2_048)


def test_flops_are_6_n_d_and_attention() -> None:
    shape = Shape(parameters=1_000, layers=2, width=10, heads=2, vocabulary=5, context=8)
    assert flops_per_token(shape, 8) == 6 * 1_000 + 12 * 2 * 10 * 8
    # Chinchilla's own budget, 70B on 1.4T tokens, is stated as 5.76e23 (arXiv 2203.15556, table 3)
    assert flops_per_token(CHINCHILLA, 0) * 1.4e12 == pytest.approx(5.76e23, rel=0.03)


def test_the_refit_law_at_chinchillas_budget() -> None:
    # arXiv 2404.10102: about 20 tokens per parameter are optimal at 5.76e23 FLOPs; the refit gives 18 there.
    low, high = 1e9, 1e12
    for _ in range(100):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if 6 * middle * optimal_tokens(middle) < 5.76e23 else (low, middle)
    assert optimal_tokens(low) / low == pytest.approx(18, abs=2)


def test_the_optimum_is_one() -> None:
    parameters = 1e9
    tokens = optimal_tokens(parameters)
    best = predicted_loss(parameters, tokens)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert predicted_loss(parameters * factor, tokens / factor) > best


def test_adam_in_mixed_precision_holds_18_bytes_a_parameter() -> None:
    memory = training_memory(CHINCHILLA, context=2_048, micro_batch=2_048, bf16=True, device="cuda")
    held = sum(memory[part] for part in ("weights", "autocast copy", "gradients", "optimizer"))
    assert held == 18 * 70e9


def test_shape_of_given_weights_is_read_from_headers(pretrained: Path) -> None:
    shape = shape_of(Base(weights=str(pretrained)), None)
    assert (shape.parameters, shape.layers, shape.width, shape.vocabulary) == (260_032, 5, 64, 512)


BASE = Base(scratch=Scratch(width=64, layers=2, heads=4), tokens=100_000)


def test_a_budget_becomes_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.plan.learning_rate_of", lambda name, bf16: (1e9, "by hand"))
    plan = make_plan(BASE, Fitting(pieces=512), Training(batch=1_000), CPU, 3_600.0)
    assert plan.derived
    assert plan.tokens["adapted"] == plan.tokens["control"]
    assert plan.tokens["adapted"] % 1_000 == 0
    # all arms and the base together fill the budget but for the share kept for scoring
    assert plan.seconds == pytest.approx(3_600 * 0.95, rel=0.01)


def test_neither_tokens_nor_budget() -> None:
    with pytest.raises(Refusal, match=r"training\.tokens"):
        make_plan(BASE, Fitting(pieces=512), Training(), CPU, None)


def test_a_budget_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.plan.learning_rate_of", lambda name, bf16: (1e9, "by hand"))
    with pytest.raises(Refusal, match="one batch"):
        make_plan(BASE, Fitting(pieces=512), Training(), CPU, 1.0)


def test_rates() -> None:
    assert learning_rate_of("NVIDIA H200", bf16=True)[0] == pytest.approx(0.35 * 989e12)
    assert learning_rate_of(None, bf16=False)[0] > 1e8
    assert "assumed" in learning_rate_of("Unheard Of", bf16=True)[1]


def test_scoring_is_a_forward_pass_of_every_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.plan.learning_rate_of", lambda name, bf16: (1e9, "by hand"))
    training = Training(batch=1_000, tokens=100_000)
    plan = make_plan(BASE, Fitting(pieces=512), training, CPU, None, scored_bytes=400_000)
    # 100,000 tokens three times forward cost what they cost once forward and backward
    assert plan.scoring_seconds == pytest.approx(plan.seconds / 3)
