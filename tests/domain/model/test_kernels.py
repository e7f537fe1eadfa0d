"""Attention on a GPU: what is chosen, what the kernels are told, and that they give what masks give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.model.attention import Attention
from domain.model.kernels import has_varlen, kernels, offsets, register
from domain.model.masks import Masks
from tests.domain.model.architectures import rows, tiny

GPU = torch.device("cuda")  # naming one needs none
DOCUMENTS = [[7, 2, 12, 4], [17, 5], [9, 16]]
# Heads 16 wide, the least that flex attention's kernels take.
WIDE: dict[str, dict[str, int]] = {
    **{name: {"hidden_size": 64} for name in ("llama", "mistral", "bert", "modernbert")},
    **{name: {"head_dim": 16} for name in ("qwen3", "qwen3_windows", "gemma2")},
    "gpt2": {"n_embd": 64},
}


def document_by_document(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cu_q: torch.Tensor, cu_k: torch.Tensor,
    max_q: int, max_k: int, *, scale: float, window_size: tuple[int, int], enable_gqa: bool,
) -> torch.Tensor:  # fmt: skip
    """What ``torch.nn.attention.varlen.varlen_attn`` is documented to give, on any device."""
    assert query.shape[0] == key.shape[0] == int(cu_q[-1])
    assert cu_q.dtype == torch.int32
    assert enable_gqa == (query.shape[1] != key.shape[1])
    found = []
    for begin, end in zip(cu_q[:-1].tolist(), cu_q[1:].tolist(), strict=True):
        assert 0 < end - begin <= max_q
        q, k, v = (each[begin:end].transpose(0, 1) for each in (query, key, value))
        order = torch.arange(end - begin)
        back, left, right = order[:, None] - order, *window_size
        seen = ((back <= left) | (left < 0)) & ((-back <= right) | (right < 0))
        found.append(
            functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale, enable_gqa=enable_gqa)
        )
    return torch.cat([each.transpose(0, 1) for each in found])


def wide(name: str, **more: int) -> Any:
    """A tiny model with heads 16 wide."""
    return tiny(name, **{**WIDE[name], **more})


def test_what_may_compute_attention() -> None:
    first = ["varlen"] if has_varlen() else []
    cpu = torch.device("cpu")
    assert kernels(wide("llama"), cpu, half=True) == ["tiles", "sdpa"]
    assert kernels(wide("gemma2"), cpu, half=True) == kernels(tiny("bloom"), cpu, half=True) == ["eager"]
    assert kernels(wide("llama"), GPU, half=True) == [*first, "flex", "sdpa"]
    assert kernels(wide("llama"), GPU, half=False) == ["flex", "sdpa"]  # flash kernels take no fp32
    assert kernels(tiny("llama"), GPU, half=True) == [*first, "sdpa"]  # 8 wide
    assert kernels(wide("qwen3", head_dim=20), GPU, half=True) == ["flex", "sdpa"]
    assert kernels(wide("gemma2"), GPU, half=True) == ["flex", "eager"]  # soft caps
    assert kernels(tiny("bert", attention_probs_dropout_prob=0.1), GPU, half=True) == ["sdpa"]
    assert kernels(tiny("t5"), GPU, half=True) == ["sdpa"]
    assert kernels(tiny("bloom"), GPU, half=True) == ["eager"]


def test_offsets_by_hand() -> None:
    segments = torch.tensor([[0, 0, 0, 1, -1, -1], [0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    told = offsets(segments, torch.device("cpu"))
    assert told["cu_seq_lens_q"].tolist() == told["cu_seq_lens_k"].tolist() == [0, 3, 4, 6, 7, 12, 18]
    assert told["max_length_q"] == 6


@pytest.mark.parametrize("name", ["llama", "qwen3_windows", "mistral", "gpt2", "bert", "roberta", "modernbert"])
def test_varlen_is_told_what_masks_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the kernel that follows its documentation: logits and gradients, padding aside."""
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", document_by_document)
    register()
    model, batch = tiny(name), rows(name, DOCUMENTS, 25)
    assert model._supports_attention_backend
    found = []
    for kernel in ("sdpa", "varlen"):
        model.set_attn_implementation(kernel)
        told = Masks(model, packed=True)(batch)
        assert ("attention_mask" in told) == (kernel == "sdpa")
        logits = model(**told, use_cache=False).logits[batch.labels >= 0]
        logits.square().sum().backward()
        found.append((logits, [p.grad for p in model.parameters() if p.grad is not None]))
        model.zero_grad()
    torch.testing.assert_close(*found, atol=2e-3, rtol=1e-3)
    # Told nothing, as in scoring, each row is one document.
    model.set_attn_implementation("sdpa")
    plain = model(batch.inputs["input_ids"], use_cache=False).logits
    model.set_attn_implementation("varlen")
    torch.testing.assert_close(model(batch.inputs["input_ids"], use_cache=False).logits, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", ["mistral", "gemma2", "modernbert"])
def test_flex_is_told_what_masks_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and not compiled, which is what a CPU has of it."""
    from torch.nn.attention import flex_attention
    from transformers.integrations import flex_attention as integration

    monkeypatch.setattr(
        integration, "compile_friendly_flex_attention", lambda *given, training=False, **more: (
            flex_attention.flex_attention(*given, **more)
        )
    )  # fmt: skip
    register()
    model, batch = tiny(name).eval(), rows(name, DOCUMENTS, 25)
    with torch.no_grad():
        wanted = model(**Masks(model, packed=True)(batch), use_cache=False).logits
        model.set_attn_implementation("flex")
        given = model(**Masks(model, packed=True)(batch), use_cache=False).logits
    torch.testing.assert_close(given, wanted, atol=1e-5, rtol=1e-4)


def test_keys_are_repeated_where_varlen_knows_no_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in torch 2.11; two queries to a key."""
    register()
    model, batch = tiny("llama"), rows("llama", DOCUMENTS, 25)
    model.set_attn_implementation("varlen")
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", document_by_document)
    grouped = model(**Masks(model, packed=True)(batch), use_cache=False).logits

    def older(*given: Any, scale: float, window_size: tuple[int, int]) -> torch.Tensor:
        return document_by_document(*given, scale=scale, window_size=window_size, enable_gqa=False)

    monkeypatch.setattr("domain.model.kernels.VARLEN_TAKES", frozenset({"scale", "window_size"}))
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", older)
    repeated = model(**Masks(model, packed=True)(batch), use_cache=False).logits
    torch.testing.assert_close(repeated, grouped)


def test_a_kernel_that_leaks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *given: Any, **more: Any) -> torch.Tensor:
        whole = torch.tensor([0, query.shape[0]], dtype=torch.int32)
        return document_by_document(query, key, value, whole, whole, query.shape[0], key.shape[0], **more)

    register()
    monkeypatch.setattr("domain.model.attention.kernels", lambda *given, **more: ["varlen", "sdpa"])
    model = tiny("llama")
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", leaking)
    assert Attention(model, torch.device("cpu")).packed
    assert model.config._attn_implementation == "sdpa"
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", document_by_document)
    assert Attention(model, torch.device("cpu")).packed
    assert model.config._attn_implementation == "varlen"


@pytest.mark.gpu
@pytest.mark.parametrize("kernel", ["varlen", "flex"])
@pytest.mark.parametrize("name", ["llama", "qwen3_windows", "mistral", "gpt2", "bert", "modernbert"])
def test_on_a_gpu_kernels_give_what_masks_give(name: str, kernel: str) -> None:
    """Logits and gradients in bf16, windows included."""
    if kernel == "varlen" and not has_varlen():
        pytest.skip("this torch has no varlen attention with windows")
    register()
    model = wide(name).to(GPU)
    host = rows(name, DOCUMENTS, 25)
    batch = host.part(0, 3, GPU)
    found = []
    for way in ("sdpa", kernel):
        model.set_attn_implementation(way)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits = model(**Masks(model, packed=True)(batch), use_cache=False).logits[batch.labels >= 0].float()
        logits.square().sum().backward()
        found.append([logits, *(p.grad for p in model.parameters() if p.grad is not None)])
        model.zero_grad()
    for wanted, given in zip(*found, strict=True):
        assert float((wanted - given).norm() / wanted.norm()) < 2e-2


@pytest.mark.gpu
@pytest.mark.parametrize("half", [True, False])
def test_on_a_gpu_the_fastest_is_proved_and_taken(half: bool) -> None:
    model = wide("llama").to(GPU)
    assert Attention(model, GPU, half=half).packed
    assert model.config._attn_implementation == kernels(wide("llama"), GPU, half=half)[0]
