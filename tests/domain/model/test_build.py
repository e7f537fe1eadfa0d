from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from domain.errors import Refusal
from domain.model.build import build, give, load, longest, parameters, save
from domain.model.spec import Base, Scratch
from domain.planning.shape import scratch_parameters, shape_of

SHAPE = Scratch(width=32, layers=2, heads=4, context=64)


@pytest.mark.parametrize(
    "shape",
    [SHAPE, SHAPE.but(kv_heads=2, tied=False), SHAPE.but(architecture="gpt2"), SHAPE.but(architecture="gpt2", ffn=96)],
)
def test_parameters_are_planned_to_the_last_one(tokenizer: Any, shape: Scratch) -> None:
    model = build(shape, tokenizer.path, seed=0)
    assert parameters(model) == scratch_parameters(shape, 320)
    assert longest(model) == 64


def test_a_fresh_model_guesses_evenly(tokenizer: Any) -> None:
    model = build(SHAPE, tokenizer.path, seed=0).eval()
    ids = torch.arange(60)[None]
    with torch.inference_mode():
        loss = float(model(input_ids=ids, labels=ids).loss)
    # Logits have variance 1/3 (rows of deviation sqrt(1 / (3 width)) on a normed stream), which adds 1/6 to log E exp.
    assert loss == pytest.approx(math.log(320) + 1 / 6, abs=0.15)


@pytest.mark.parametrize(
    ("architecture", "inward", "outward"),
    [("llama", "self_attn.q_proj", "mlp.down_proj"), ("gpt2", "attn.c_attn", "mlp.c_proj")],
)
def test_initial_weights_are_those_of_bloomberggpt(
    tokenizer: Any, architecture: str, inward: str, outward: str
) -> None:
    state = build(SHAPE.but(architecture=architecture, width=48, layers=8), tokenizer.path, seed=0).state_dict()

    def deviation(name: str) -> float:
        return float(torch.cat([t.flatten() for n, t in state.items() if n.endswith(f"{name}.weight")]).std())

    assert deviation(inward) == pytest.approx(1 / 12, rel=0.02)  # sqrt(1 / (3 * 48))
    assert deviation(outward) == pytest.approx(1 / 48, rel=0.02)  # and divided by sqrt(2 * 8)


def test_the_seed_decides(tokenizer: Any) -> None:
    one, same, other = (build(SHAPE, tokenizer.path, seed=seed).state_dict() for seed in (0, 0, 1))
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])


def test_saved_and_loaded(tokenizer: Any, tmp_path: Path) -> None:
    model = build(SHAPE, tokenizer.path, seed=0)
    save(model, tokenizer.path, tmp_path)
    again = load(tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert (tmp_path / "tokenizer.json").exists()
    assert not list(tmp_path.glob("*.bin"))


def test_given_weights_stay_as_they_are_with_their_own_tokenizer(pretrained: Path) -> None:
    given, original = give(str(pretrained), pretrained), load(pretrained)
    assert parameters(given) == shape_of(Base(weights=str(pretrained)), None).parameters == 260_032
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, given.state_dict()[name]), name


def test_another_tokenizer_resizes_the_embedding(pretrained: Path, tokenizer: Any) -> None:
    given = give(str(pretrained), tokenizer.path)
    assert given.get_input_embeddings().weight.shape[0] == 320
    planned = shape_of(Base(weights=str(pretrained)), 320)
    assert parameters(given) == planned.parameters


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no causal model"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "one of the two"),
        ({"weights": "a/b@c", "scratch": {}, "tokens": 5}, "one of the two"),
        ({"scratch": {}}, "needs tokens"),
        ({"weights": "a/b@c", "tokens": "1M"}, "drop tokens"),
        ({"scratch": {"width": 100, "heads": 3}, "tokens": 5}, "no multiple of heads"),
        ({"scratch": {"width": 12, "heads": 4}, "tokens": 5}, "even"),
        ({"scratch": {"heads": 4, "kv_heads": 3}, "tokens": 5}, "kv_heads"),
        ({"scratch": {"architecture": "rnn"}, "tokens": 5}, "architecture"),
    ],
)
def test_bases_that_cannot_be(content: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        Base.model_validate(content)


def test_a_base_may_be_one_word() -> None:
    assert Base.model_validate("org/model@abc").weights == "org/model@abc"
