"""The loss over the vocabulary in chunks is that of full logits: value and every gradient, in any architecture."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.model.masks import Masks
from domain.training import loss_head
from domain.training.loss_head import Head, linear_loss
from tests.domain.model.architectures import rows, tiny

DOCUMENTS = [[7, 2, 12, 4], [17, 5]]


@pytest.fixture
def chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven tokens at once, so that tiny models have several chunks and one that is not full."""
    monkeypatch.setattr(loss_head, "FEWEST", 7)
    monkeypatch.setitem(loss_head.LOGITS_PER_CHUNK, "cpu", 1)


def gradients(model: Any) -> list[torch.Tensor | None]:
    """Of every parameter; the model has none left."""
    found = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    return found


def full(model: Any, inputs: dict[str, Any], labels: torch.Tensor, z_loss: float = 0.0) -> torch.Tensor:
    """The loss from the model's own logits."""
    logits = model(**inputs, use_cache=False).logits
    loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return loss + z_loss * logits[labels >= 0].logsumexp(-1).square().sum()


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("z_loss", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "share", "more"),
    [
        ("llama", 1.0, {}),
        ("llama", 1.0, {"tie_word_embeddings": True}),
        ("gpt2", 1.0, {}),  # tied
        ("bert", 0.15, {}),  # tied, with a bias
        ("roberta", 0.15, {}),
        ("modernbert", 0.15, {}),
        ("t5", 1.0, {}),
        ("bart", 1.0, {}),  # adds a bias of its own to the logits, of zeros
    ],
)
def test_equals_cross_entropy_of_full_logits(name: str, share: float, more: dict[str, Any], z_loss: float) -> None:
    model = tiny(name, **more)
    batch = rows(name, [[14], [22]] if name == "bart" else DOCUMENTS, 25)
    learned = torch.rand(batch.labels.shape, generator=torch.Generator().manual_seed(2)) < share
    labels = torch.where(learned, batch.labels, -100)
    assert 0 < int((labels >= 0).sum()) < labels.numel()
    inputs = Masks(model, packed=name != "bart")(batch)
    made = Head(model, z_loss)
    assert made.chunked
    loss = made.loss(inputs, labels)
    loss.backward()
    given = gradients(model)
    wanted = full(model, inputs, labels, z_loss)
    wanted.backward()
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    torch.testing.assert_close(loss, wanted, atol=1e-5, rtol=1e-5)
    for one, other in zip(given, gradients(model), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_by_hand() -> None:
    """Logits 0 and ln 3: Z is 4. Of label 0 the loss is ln 4 nats; its gradients are softmax (1/4, 3/4) less one."""
    features = torch.tensor([[1.0]], requires_grad=True)
    weight = torch.tensor([[0.0], [math.log(3.0)]], requires_grad=True)
    loss = linear_loss(features, torch.tensor([0]), weight, None, 0.0)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4.0))
    assert weight.grad.flatten().tolist() == pytest.approx([-0.75, 0.75])
    assert features.grad.item() == pytest.approx(0.75 * math.log(3.0))
    weight.grad = None
    loss = linear_loss(features, torch.tensor([0]), weight, None, 0.5)
    (2.0 * loss).backward()
    assert loss.item() == pytest.approx(math.log(4.0) + 0.5 * math.log(4.0) ** 2)
    # The derivative of log(Z)^2 is 2 log(Z) times the softmax.
    z = 2.0 * 0.5 * math.log(4.0)
    assert weight.grad.flatten().tolist() == pytest.approx([2 * (-0.75 + z / 4), 2 * (0.75 + z * 3 / 4)])


@pytest.mark.parametrize("change", ["cap", "scale", "bias", "own"])
def test_what_happens_after_the_head_is_found_out(change: str) -> None:
    """Soft caps (Gemma 2) and scales (Cohere) of logits, BART's bias where it is not 0, a head of its own kind."""
    name = {"cap": "gemma2", "scale": "cohere", "bias": "bart"}.get(change, "llama")
    model = tiny(name)
    if change == "bias":
        model.final_logits_bias.normal_()
    if change == "own":
        model.lm_head.__class__ = type(
            "Doubled", (torch.nn.Linear,), {"forward": lambda self, x: x @ self.weight.T * 2}
        )
    batch = rows(name, [[14], [22]], 25)
    inputs = Masks(model, packed=False)(batch)
    made = Head(model, 0.1)
    assert not made.chunked
    loss = made.loss(inputs, batch.labels)
    loss.backward()
    given = gradients(model)
    wanted = full(model, inputs, batch.labels, 0.1)
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    for one, other in zip(given, gradients(model), strict=True):
        torch.testing.assert_close(one, other)


def test_only_valid_positions_meet_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Size] = []

    def spied(features: torch.Tensor, *given: Any) -> torch.Tensor:
        seen.append(features.shape)
        return linear_loss(features, *given)

    monkeypatch.setattr(loss_head, "linear_loss", spied)
    model = tiny("bert")
    batch = rows("bert", [[20]], 20)
    labels = torch.where(torch.arange(20) % 7 == 0, batch.labels, -100)
    Head(model).loss(Masks(model, packed=True)(batch), labels)
    assert seen == [(3, 32)]


def test_the_model_is_as_before() -> None:
    model = tiny("gpt2", resid_pdrop=0.1)
    random, batch = torch.get_rng_state(), rows("gpt2", [[9]], 9)
    made = Head(model)
    assert torch.equal(random, torch.get_rng_state())
    made.loss(batch.inputs, batch.labels)
    assert "forward" not in model.lm_head.__dict__
    with pytest.raises(IndexError):
        made.loss({"input_ids": torch.full((1, 9), 99)}, batch.labels)  # 64 pieces
    assert "forward" not in model.lm_head.__dict__
    assert model(**batch.inputs).logits.shape == (1, 9, 64)


def test_nothing_to_learn_is_a_loss_of_zero_with_gradients() -> None:
    """A rank whose part is empty goes through the model all the same, and must wait for no gradient."""
    model = tiny("llama")
    batch = rows("llama", [[9]], 9)
    loss = Head(model).loss(batch.inputs, torch.full_like(batch.labels, -100))
    loss.backward()
    assert loss.item() == 0.0
    assert all(not gradient.any() for gradient in gradients(model))  # none is None


def test_what_does_not_learn_gets_no_gradient() -> None:
    model = tiny("llama")
    batch = rows("llama", [[9]], 9)
    model.lm_head.weight.requires_grad_(False)
    Head(model).loss(batch.inputs, batch.labels).backward()
    assert model.lm_head.weight.grad is None
    assert model.model.norm.weight.grad.any()
    with torch.no_grad():
        assert not Head(model).loss(batch.inputs, batch.labels).requires_grad


@pytest.mark.usefixtures("chunks")
def test_losses_of_bf16_products_are_fp32() -> None:
    """Logits are rounded to bf16 (8 bits), as in plain training; their logarithms and sums are not."""
    model = tiny("llama")
    batch = rows("llama", DOCUMENTS, 25)
    inputs = Masks(model, packed=True)(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = Head(model).loss(inputs, batch.labels)
        logits = model(**inputs, use_cache=False).logits
    loss.backward()
    given = gradients(model)
    assert loss.dtype == torch.float32
    assert logits.dtype == torch.bfloat16
    wanted = functional.cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten(), reduction="sum")
    torch.testing.assert_close(loss, wanted, atol=1e-5, rtol=1e-5)
    wanted.backward()
    for one, other in zip(given, gradients(model), strict=True):
        assert one.dtype == torch.float32
        assert (one - other).norm() <= 2e-2 * other.norm()


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_with_compiled_blocks(name: str) -> None:
    """Traced by dynamo and not turned into kernels, which takes a CPU half a minute."""
    model, batch = tiny(name), rows(name, DOCUMENTS, 25)
    inputs, made = Masks(model, packed=True)(batch), Head(model)
    wanted = made.loss(inputs, batch.labels)
    wanted.backward()
    plain = gradients(model)
    for block in model.model.layers if name == "llama" else (*model.encoder.block, *model.decoder.block):
        block.compile(backend="eager")
    loss = made.loss(inputs, batch.labels)
    loss.backward()
    torch.testing.assert_close(loss, wanted)
    for one, other in zip(gradients(model), plain, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.gpu
@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", ["llama", "bert", "t5"])
def test_on_a_gpu(name: str, half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels and segments stay on the host; nothing but the loss itself is waited for."""
    monkeypatch.setitem(loss_head.LOGITS_PER_CHUNK, "cuda", 1)
    model, batch = tiny(name).to("cuda"), rows(name, DOCUMENTS, 25)
    inputs = Masks(model, packed=True)(batch.part(0, 2, torch.device("cuda")))
    made = Head(model)
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=half):
        loss = made.loss(inputs, batch.labels)
        logits = model(**inputs, use_cache=False).logits
    wanted = functional.cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten().cuda(), reduction="sum")
    loss.backward()
    given = gradients(model)
    wanted.backward()
    torch.testing.assert_close(loss, wanted, atol=1e-3, rtol=1e-3 if half else 1e-4)  # chunks round as they like
    for one, other in zip(given, gradients(model), strict=True):
        assert (one - other).norm() <= (2e-2 if half else 1e-4) * other.norm()


def peak(work: Any) -> int:
    """The most bytes that were allocated at once, as torch's allocator counts them."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def test_full_logits_are_never_held() -> None:
    """512 tokens over 50,304 pieces: full logits are 103 MB, and plain cross-entropy holds three times that."""
    features = torch.randn(512, 16, requires_grad=True)
    weight, labels = torch.randn(50_304, 16, requires_grad=True), torch.randint(50_304, (512,))
    logits = 4 * 512 * 50_304
    chunked = peak(lambda: linear_loss(features, labels, weight, None, 0.0).backward())
    plain = peak(lambda: loss_head.plain_loss(features @ weight.T, labels, 0.0).backward())
    assert plain > 2 * logits
    assert chunked < 1.1 * logits  # two of 256 tokens each, and the matrix's gradient of 3 MB
    assert chunked > 4 * 16 * 50_304


def sharded(rank: int, folder: Path) -> None:
    """One of two ranks: its rows' loss and gradients, gathered, are kept by rank 0."""
    import torch.distributed as dist
    from torch.distributed.fsdp import fully_shard

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for name in ("llama", "gpt2"):  # two matrices, and one
        model = tiny(name)
        batch = rows(name, DOCUMENTS, 25)
        made, masks = Head(model), Masks(model, packed=True)
        mesh = dist.init_device_mesh("cpu", (2,))
        for block in model.model.layers if name == "llama" else model.transformer.h:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
        part = batch.part(rank, rank + 1, torch.device("cpu"))
        loss = made.loss(masks(part), part.labels)
        (2.0 * loss).backward()  # the ranks' gradients are averaged
        found = {key: parameter.grad.full_tensor() for key, parameter in model.named_parameters()}
        dist.all_reduce(whole := loss.detach().clone())
        if rank == 0:
            torch.save({**found, "loss": whole}, folder / name)
    dist.destroy_process_group()
    os._exit(0)  # see domain.worker


def test_sharded_over_two_ranks(tmp_path: Path) -> None:
    """The matrix is gathered for its forward pass, and its gradient goes back to both."""
    torch.multiprocessing.spawn(sharded, (tmp_path,), nprocs=2)
    for name in ("llama", "gpt2"):
        model = tiny(name)
        batch = rows(name, DOCUMENTS, 25)
        wanted = full(model, Masks(model, packed=True)(batch), batch.labels)
        wanted.backward()
        found = torch.load(tmp_path / name, weights_only=True)
        torch.testing.assert_close(found.pop("loss"), wanted.detach(), atol=1e-5, rtol=1e-5)
        for key, parameter in model.named_parameters():
            torch.testing.assert_close(found[key], parameter.grad, atol=1e-4, rtol=1e-4)
