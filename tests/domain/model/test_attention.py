"""Documents that share a row never see each other: packed equals separate, forward and backward, in train mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.model.attention import Attention
from domain.model.isolation import keeps_apart
from domain.model.masks import CROSS, Masks, positions, sees
from tests.domain.model.architectures import apart, rows, tiny

CPU = torch.device("cpu")
PACKING = [
    "llama", "qwen2", "qwen3", "qwen3_windows", "mistral", "gemma2", "gpt2", "bert", "roberta", "modernbert", "t5",
]  # fmt: skip
DOCUMENTS = [[7, 2, 12, 4], [17, 5], [9, 16]]  # the last row is full, the others end in padding


def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")


def equal_apart(model: Any, batch: Any, told: dict[str, Any]) -> None:
    """Logits, loss and gradients of a batch are those of its documents alone, where the model is told nothing."""
    logits = model(**told, use_cache=False).logits
    assert logits.isfinite().all()
    together = loss_of(logits, batch.labels)
    together.backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    total = torch.zeros(())
    for row, places, own, labels in apart(batch):
        alone = model(**own, use_cache=False).logits
        torch.testing.assert_close(logits[row, places], alone[0], atol=1e-5, rtol=1e-4)
        loss = loss_of(alone, labels)
        loss.backward()
        total += loss.detach()
    assert together.item() == pytest.approx(total.item(), rel=1e-5)
    for one, parameter in zip(gradients, model.parameters(), strict=True):
        assert (one is None) == (parameter.grad is None)
        if one is not None:
            torch.testing.assert_close(one, parameter.grad, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("name", PACKING)
def test_packed_equals_separate(name: str) -> None:
    model = tiny(name)
    batch = rows(name, DOCUMENTS, 25)
    attention = Attention(model, CPU)
    assert attention.packed
    equal_apart(model, batch, attention(batch))


@pytest.mark.parametrize("name", PACKING)
def test_without_masks_documents_leak(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above and the proof at load must not pass: one document to the row."""
    model = tiny(name)
    batch = rows(name, DOCUMENTS, 25)
    masks = Masks(model, packed=True)
    right = model(**masks(batch), use_cache=False).logits
    wrong = model(**batch.inputs, use_cache=False).logits
    first, later = apart(batch)[0], apart(batch)[2]
    assert (right - wrong)[later[0], later[1]].abs().max() > 1e-2
    if name not in ("bert", "roberta", "modernbert", "t5"):  # causal: the first document sees no other anyway
        torch.testing.assert_close(right[first[0], first[1]], wrong[first[0], first[1]], atol=1e-5, rtol=1e-4)
    masks.remove()

    monkeypatch.setattr(
        "domain.model.masks.sees", lambda q, k, **more: sees(torch.zeros_like(q), torch.zeros_like(k), **more)
    )
    assert not keeps_apart(model)


@pytest.mark.parametrize("name", ["bloom", "bart"])
def test_one_padded_document_a_row_where_the_proof_fails(name: str) -> None:
    model = tiny(name)
    attention = Attention(model, CPU)
    assert not attention.packed
    batch = rows(name, [[12], [25], [7]], 25)
    told = attention(batch)
    assert told["attention_mask"].sum(1).tolist() == [12, 25, 7]
    equal_apart(model, batch, told)
    with pytest.raises(ValueError, match="takes one: set training"):
        attention(rows(name, DOCUMENTS, 25))


@pytest.mark.parametrize("name", ["llama", "mistral", "bert", "roberta", "modernbert", "t5"])
def test_whole_rows_need_no_mask(name: str) -> None:
    model = tiny(name)
    batch = rows(name, [[26], [26]], 26)
    if name == "t5":  # its targets are one shorter
        batch.inputs["decoder_input_ids"] = batch.inputs["decoder_input_ids"][:, :25]
        batch.segments["decoder_input_ids"] = batch.segments["decoder_input_ids"][:, :25]
    told = Masks(model, packed=True)(batch)
    assert not {"attention_mask", "decoder_attention_mask", CROSS} & told.keys()
    filled = rows(name, [[20, 6], [26]], 26)
    filled.inputs.update(batch.inputs)
    if name == "t5":
        filled.segments["decoder_input_ids"] = filled.segments["decoder_input_ids"][:, :25]
    masked = Masks(model, packed=True)(filled)
    assert "attention_mask" in masked
    plain, explicit = (model(**each, use_cache=False).logits for each in (told, masked))
    torch.testing.assert_close(plain[1], explicit[1], atol=1e-5, rtol=1e-4)  # the row that is one document in both
    assert (plain[0] - explicit[0]).abs().max() > 1e-2


def test_the_proof_leaves_no_trace() -> None:
    model = tiny("gpt2", resid_pdrop=0.5, embd_pdrop=0.5, attn_pdrop=0.5)
    model.transformer.h[0].eval()
    model.transformer.wpe.weight.requires_grad_(False)
    model.lm_head.weight.grad = torch.ones_like(model.lm_head.weight)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    assert keeps_apart(model)
    assert torch.equal(random, torch.get_rng_state())
    assert modes == [module.training for module in model.modules()]
    assert not model.transformer.wpe.weight.requires_grad
    assert torch.equal(model.lm_head.weight.grad, torch.ones_like(model.lm_head.weight))
    assert model.transformer.h[1].mlp.c_proj.weight.grad is None
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    hooks = [module for module in model.modules() if module._forward_hooks or module._forward_pre_hooks]
    assert not hooks


def test_dropout_and_short_contexts_do_not_disturb_the_proof() -> None:
    assert keeps_apart(tiny("t5", dropout_rate=0.5))
    assert keeps_apart(tiny("bert", attention_probs_dropout_prob=0.5, hidden_dropout_prob=0.5))
    assert keeps_apart(tiny("gpt2", n_positions=12))


def test_layers_that_take_no_document_mask_are_refused() -> None:
    model = tiny("llama")
    model.config.layer_types = ["chunked_attention", "full_attention"]
    assert not keeps_apart(model)


def test_positions_by_hand() -> None:
    segments = torch.tensor([[0, 0, 0, 1, 1, 2, -1, -1], [0, 1, 2, 2, 2, 2, 2, 2]])
    assert positions(segments).tolist() == [[0, 1, 2, 0, 1, 0, 0, 1], [0, 0, 0, 1, 2, 3, 4, 5]]
    batch = rows("roberta", [[3, 2]], 6)
    told = Masks(tiny("roberta"), packed=True)(batch)  # its padding id is 1: positions begin at 2 (fairseq)
    assert told["position_ids"].tolist() == [[2, 3, 4, 2, 3, 2]]


def test_masks_by_hand() -> None:
    batch = rows("llama", [[3, 2]], 6)
    seen = Masks(tiny("llama"), packed=True)(batch)["attention_mask"]
    assert seen.shape == (1, 1, 6, 6)
    assert seen.dtype == torch.bool
    assert [row.nonzero().flatten().tolist() for row in seen[0, 0]] == [[0], [0, 1], [0, 1, 2], [3], [3, 4], [5]]
    seen = Masks(tiny("bert"), packed=True)(batch)["attention_mask"]
    assert [row.nonzero().flatten().tolist() for row in seen[0, 0]] == [[0, 1, 2]] * 3 + [[3, 4]] * 2 + [[5]]


def test_windows_by_hand() -> None:
    """Mistral's window of 2 holds a position and the one before it, ModernBERT's local_attention 2 one on each side."""
    batch = rows("llama", [[4, 2]], 6)
    seen = Masks(tiny("mistral", sliding_window=2), packed=True)(batch)["attention_mask"]
    assert [row.nonzero().flatten().tolist() for row in seen[0, 0]] == [[0], [0, 1], [1, 2], [2, 3], [4], [4, 5]]
    seen = Masks(tiny("modernbert", local_attention=2), packed=True)(batch)["attention_mask"]
    near = [row.nonzero().flatten().tolist() for row in seen["sliding_attention"][0, 0]]
    assert near == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3], [4, 5], [4, 5]]
    assert [int(row.sum()) for row in seen["full_attention"][0, 0]] == [4, 4, 4, 4, 2, 2]


def test_masks_between_encoder_and_decoder_by_hand() -> None:
    batch = rows("t5", [[3, 3]], 6)  # targets of 2 and 2 tokens, then padding; the encoder's row has none
    told = Masks(tiny("t5"), packed=True)(batch)
    seen = [row.nonzero().flatten().tolist() for row in told[CROSS][0, 0]]
    assert seen == [[0, 1, 2]] * 2 + [[3, 4, 5]] * 2 + [[0, 1, 2, 3, 4, 5]] * 2  # no row is empty, which were NaN


def test_eager_attention_is_given_numbers() -> None:
    """A bool mask that is added to the scores leaks 0.53 in a logit."""
    batch = rows("gpt2", DOCUMENTS, 25)
    model = tiny("gpt2", attn_implementation="eager")
    told = Masks(model, packed=True)(batch)
    assert told["attention_mask"].unique().tolist() == [torch.finfo(torch.float32).min, 0.0]
    equal_apart(model, batch, told)
