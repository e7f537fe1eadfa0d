"""Norms and rotary positions in few passes are those of the architecture: values, gradients, and no more memory."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch.nn.functional import rms_norm
from transformers.models.cohere import modeling_cohere
from transformers.models.llama import modeling_llama

from domain.model.attention import Attention
from domain.model.fused import RmsNorm, Rotary, fuse, is_rms_norm, is_rotation, rotated
from tests.domain.model.architectures import rows, tiny

DOCUMENTS = [[7, 2, 12, 4], [17, 5]]
# Norms and attentions of two layers; Qwen3 has norms of queries and keys too, T5 no rotary positions, Gemma adds 1 to
# the norms' weights, Cohere turns neighbours, GPT-2 and BERT have neither.
REPLACED = {
    "llama": 5 + 2, "qwen2": 5 + 2, "qwen3": 9 + 2, "mistral": 5 + 2, "t5": 12, "modernbert": 2, "gemma2": 2,
    "cohere": 0, "gpt2": 0, "bert": 0,
}  # fmt: skip


def learned(model: Any, part: Any, half: bool = False) -> tuple[list[torch.Tensor], int]:
    """Logits and every gradient, and bytes kept for the backward pass; weights, which are there anyway, apart."""
    attention, kept = Attention(model, torch.device("cpu")), dict[int, int]()
    weights = {each.untyped_storage().data_ptr() for each in model.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, half),
    ):
        logits = model(**attention(part), use_cache=False).logits
    logits.float().square().mean().backward()
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    return [logits.detach().float(), *gradients], sum(kept.values())


def replaced(model: Any) -> int:
    """Modules with a forward pass of their own."""
    return sum("forward" in vars(module) for module in model.modules())


COMMON = ("llama", "t5", "gpt2")  # the others take as long, one after the other


@pytest.mark.parametrize(
    "name", [name if name in COMMON else pytest.param(name, marks=pytest.mark.soak) for name in sorted(REPLACED)]
)
def test_equals_the_architecture(name: str) -> None:
    model, part = tiny(name), rows(name, DOCUMENTS, 25)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.rand(parameter.shape))
    other = deepcopy(model)
    wanted, before = learned(model, part)
    fuse(model)
    given, after = learned(model, part)
    assert replaced(model) == REPLACED[name]
    assert replaced(other) == 0
    for one, two in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=2e-5)
    again, _ = learned(other, part)
    assert all(torch.equal(one, two) for one, two in zip(again, wanted, strict=True))
    assert after <= before


@pytest.mark.parametrize("name", ["llama", *(pytest.param(name, marks=pytest.mark.soak) for name in ("qwen3", "t5"))])
def test_bf16_is_as_precise_and_keeps_less(name: str) -> None:
    model, part = tiny(name), rows(name, DOCUMENTS, 25)
    exact, _ = learned(model, part)
    own, before = learned(model, part, half=True)
    fuse(model)
    fused, after = learned(model, part, half=True)

    def off(found: list[torch.Tensor]) -> float:
        return sum(float((one - two).norm() / two.norm()) for one, two in zip(found, exact, strict=True))

    assert off(fused) < 1.1 * off(own)
    assert after < 0.95 * before


def test_a_copy_has_weights_of_its_own() -> None:
    model = tiny("llama")
    fuse(model)
    other = deepcopy(model)
    with torch.no_grad():
        other.model.norm.weight.mul_(2.0)
    ids = torch.tensor([[3, 4, 5]])
    assert torch.allclose(other(ids).logits, 2.0 * model(ids).logits, atol=1e-5)


def test_norm_by_hand_and_by_finite_differences() -> None:
    """Of (3, 4) the mean square is 12.5."""
    given, weight = torch.tensor([[3.0, 4.0]]), torch.tensor([1.0, 2.0])
    normed = RmsNorm.apply(given, weight, 0.0, torch.float32)
    assert normed.tolist() == [pytest.approx([3 / 12.5**0.5, 8 / 12.5**0.5])]
    draw = torch.Generator().manual_seed(0)
    given = torch.randn(2, 5, 8, generator=draw, requires_grad=True)
    weight = torch.randn(8, generator=draw, requires_grad=True)
    toward = torch.randn(2, 5, 8, generator=draw)
    wanted = torch.autograd.grad(
        rms_norm(given.double(), (8,), weight.double(), 1e-6), (given, weight), toward.double()
    )
    found = torch.autograd.grad(RmsNorm.apply(given, weight, 1e-6, torch.float32), (given, weight), toward)
    for one, two in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def test_rotation_by_hand() -> None:
    """(1, 2) a quarter turn is (-2, 1); its gradient (5, 7) turns back, to (7, -5)."""
    given = torch.tensor([1.0, 2.0]).view(1, 1, 1, 2).requires_grad_()
    cos, sin = torch.zeros(1, 1, 2), torch.ones(1, 1, 2)
    turned = Rotary.apply(given, cos, sin)
    assert turned.flatten().tolist() == [-2.0, 1.0]
    turned.backward(torch.tensor([5.0, 7.0]).view(1, 1, 1, 2))
    assert given.grad is not None
    assert given.grad.flatten().tolist() == [7.0, -5.0]


def test_only_what_is_the_same_is_replaced() -> None:
    assert is_rotation(modeling_llama.apply_rotary_pos_emb)
    assert not is_rotation(modeling_cohere.apply_rotary_pos_emb)  # neighbours
    assert not is_rotation(lambda query, key, cos, sin: (query, key))
    assert not is_rms_norm(torch.nn.LayerNorm(8))
    norm = modeling_llama.LlamaRMSNorm(8)
    assert is_rms_norm(norm)
    norm.__class__ = type("Added", (type(norm),), {"forward": lambda self, x: rms_norm(x, (8,), 1.0 + self.weight)})
    assert not is_rms_norm(norm)


class Methodical(torch.nn.Module):
    """Turns by a method of that name, and its module has no such function."""

    def apply_rotary_pos_emb(self, given: torch.Tensor) -> torch.Tensor:
        return given

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.apply_rotary_pos_emb(given)


def test_a_method_of_that_name_is_left_alone() -> None:
    module = Methodical()
    fuse(module)
    assert replaced(module) == 0


def test_a_head_of_which_a_part_turns_is_left_to_its_architecture() -> None:
    told: list[tuple[Any, ...]] = []

    def own(*given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        told.append(given)
        return given[0], given[1]

    query, cos = torch.zeros(1, 2, 3, 8), torch.zeros(1, 3, 4)
    assert rotated(own, query, query, cos, cos)[0] is query
    assert len(told) == 1
