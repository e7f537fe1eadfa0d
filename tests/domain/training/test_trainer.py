"""The loop against a plain reference, and against itself interrupted: the same weights to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.errors import Refusal
from domain.machine import Machine
from domain.model.build import build
from domain.model.spec import Scratch
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.training import trainer
from domain.training.objectives import IGNORED
from domain.training.objectives.causal import causal
from domain.training.optimizer import rate
from domain.training.spec import Learning

SHAPE = Scratch(width=32, layers=2, heads=4, context=32)
SPEC = Learning(batch=256, learning_rate=3e-3)
CPU = Machine(device="cpu", precision="fp32", threads=1)


@pytest.fixture
def batches(tokens: Any) -> Batches:
    return Batches(tokens, Mixture(), rows=8, context=32, batches=12, seed=0)


def train(
    tokenizer: Any, batches: Batches, out: Path, machine: Machine = CPU, **rows: Any
) -> tuple[Any, list[dict[str, float]]]:
    model = build(SHAPE, tokenizer.path, seed=0)
    out.mkdir(exist_ok=True)
    return model, trainer.train(model, batches, causal, SPEC, out=out, machine=machine, what="test", **rows)


def test_equals_a_plain_loop(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, points = train(tokenizer, batches, tmp_path / "run")
    model = build(SHAPE, tokenizer.path, seed=0).train()
    decayed = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    free = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), foreach=False)
    for index, point in enumerate(points):
        batch = causal(batches[index], index)
        logits = model(**batch.inputs, use_cache=False).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(SPEC, index, 12)
        optimizer.step()
        optimizer.zero_grad()
        assert point["loss"] == pytest.approx(float(loss), abs=1e-5)
        assert point["gradient_norm"] == pytest.approx(float(norm), abs=1e-4)


def test_it_learns(tokenizer: Any, tokens: Any, tmp_path: Path) -> None:
    many = Batches(tokens, Mixture(), rows=8, context=32, batches=60, seed=0)
    _, points = train(tokenizer, many, tmp_path / "run")
    assert points[-1]["loss"] < points[0]["loss"] - 1.5
    assert [point["step"] for point in points] == list(range(1, 61))


def test_micro_batches_change_nothing_but_rounding(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, whole = train(tokenizer, batches, tmp_path / "whole")
    _, parts = train(tokenizer, batches, tmp_path / "parts", CPU.but(micro_batch=64))
    assert [p["loss"] for p in parts] == pytest.approx([p["loss"] for p in whole], abs=1e-4)


class Stop(Exception):
    """Stands for a crash."""


NEW = range(300, 316)  # of 320 rows
ALONE = 4  # of 12 steps


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_learn_first(tokenizer: Any, batches: Batches, tmp_path: Path, tied: bool) -> None:
    """Nothing but they moves while they are alone, and they move as if the rest were constants."""
    shape = SHAPE.but(tied=tied)
    before = build(shape, tokenizer.path, seed=0).state_dict()
    model = build(shape, tokenizer.path, seed=0)
    seen: list[dict[str, torch.Tensor]] = []

    def objective(rows: Any, index: int) -> Any:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return causal(rows, index)

    (tmp_path / "run").mkdir()
    points = trainer.train(
        model, batches, objective, SPEC, out=tmp_path / "run", machine=CPU, what="test", new_rows=NEW, alone=ALONE
    )
    grown = ("model.embed_tokens.weight", "lm_head.weight")
    others = torch.ones(320, dtype=torch.bool)
    others[NEW.start : NEW.stop] = False
    for name, tensor in before.items():
        for step in range(1, ALONE + 1):
            held = others if name in grown else slice(None)
            assert torch.equal(seen[step][name][held], tensor[held]), (step, name)
            if name in grown:
                assert not torch.equal(seen[step][name][~others], seen[step - 1][name][~others]), (step, name)
        assert not torch.equal(seen[ALONE + 1][name], tensor), name  # then everything learns
    assert all(parameter.requires_grad for parameter in model.parameters())

    # A plain loop over the rows alone: they are the only parameters that there are.
    plain = build(shape, tokenizer.path, seed=0).train()
    plain.requires_grad_(False)
    state = {name: plain.state_dict()[name] for name in grown[: 1 if tied else 2]}
    rows = {name: tensor[NEW.start : NEW.stop].clone().requires_grad_() for name, tensor in state.items()}
    optimizer = torch.optim.AdamW(rows.values(), betas=(0.9, 0.95), weight_decay=0.0, foreach=False)
    for index, point in enumerate(points[:ALONE]):
        batch = causal(batches[index], index)
        whole = {n: torch.cat([t[: NEW.start], rows[n], t[NEW.stop :]]) for n, t in state.items()}
        logits = torch.func.functional_call(plain, whole, kwargs={**batch.inputs, "use_cache": False}).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(rows.values(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(SPEC, index, 12)
        optimizer.step()
        optimizer.zero_grad()
        assert point["loss"] == pytest.approx(loss.item(), abs=1e-5)
        assert point["gradient_norm"] == pytest.approx(float(norm), rel=1e-4)
    for name, tensor in rows.items():
        assert torch.allclose(seen[ALONE][name][NEW.start : NEW.stop], tensor.detach(), atol=1e-5)


@pytest.mark.parametrize("nothing", [{"new_rows": NEW}, {"alone": ALONE}])
def test_without_new_rows_or_steps_all_learns_at_once(
    tokenizer: Any, batches: Batches, tmp_path: Path, nothing: dict[str, Any]
) -> None:
    usual, points = train(tokenizer, batches, tmp_path / "usual")
    model, same = train(tokenizer, batches, tmp_path / "same", **nothing)
    assert same == points
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), usual.parameters(), strict=True))


# Before the border, at it, and after it: 4 is the first step in which everything learns.
@pytest.mark.parametrize("alone", [{}, {"new_rows": NEW, "alone": ALONE}])
@pytest.mark.parametrize("crash_at", [1, 3, 4, 5, 11])
def test_interrupted_equals_undisturbed(
    tokenizer: Any,
    batches: Batches,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crash_at: int,
    alone: dict[str, Any],
) -> None:
    undisturbed, points = train(tokenizer, batches, tmp_path / "undisturbed", **alone)
    often = CPU.but(checkpoint_seconds=1e-9)
    forward_backward, calls = trainer.forward_backward, 0

    def crashing(*args: Any) -> tuple[float, int]:
        nonlocal calls
        calls += 1
        if calls == crash_at + 1:
            raise Stop
        return forward_backward(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "forward_backward", crashing)
        with pytest.raises(Stop):
            train(tokenizer, batches, tmp_path / "interrupted", often, **alone)
    calls_before = calls
    with monkeypatch.context() as patch:
        patch.setattr(
            trainer, "forward_backward", lambda *a: (globals().update(seen=seen + 1), forward_backward(*a))[1]
        )
        globals()["seen"] = 0
        resumed, again = train(tokenizer, batches, tmp_path / "interrupted", often, **alone)
    assert seen == 12 - crash_at  # it went on from the last checkpoint, it did not begin anew
    assert calls_before == crash_at + 1
    assert again == points
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


seen = 0


def test_a_damaged_checkpoint_is_passed_over(
    tokenizer: Any, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, points = train(tokenizer, batches, tmp_path / "undisturbed")
    out = tmp_path / "run"
    train(tokenizer, batches, out, CPU.but(checkpoint_seconds=1e-9))
    newest = max((out / ".scratch" / "checkpoints").glob("step-*"))
    data = bytearray((newest / "model.safetensors").read_bytes())
    data[-5] ^= 16
    (newest / "model.safetensors").write_bytes(data)
    resumed, again = train(tokenizer, batches, out)
    assert again == points
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_loss_that_is_no_number_stops(
    tokenizer: Any, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "forward_backward", lambda *a: (float("nan"), 1))
    with pytest.raises(Refusal, match=r"step 1.*lower the learning rate"):
        train(tokenizer, batches, tmp_path / "run")


def test_bf16_learns_alike(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, exact = train(tokenizer, batches, tmp_path / "fp32")
    _, rounded = train(tokenizer, batches, tmp_path / "bf16", CPU.but(precision="bf16"))
    assert [p["loss"] for p in rounded] == pytest.approx([p["loss"] for p in exact], abs=0.05)


@pytest.mark.gpu
def test_on_a_gpu_as_on_a_cpu(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, here = train(tokenizer, batches, tmp_path / "cpu")
    _, there = train(tokenizer, batches, tmp_path / "gpu", Machine(device="cuda", precision="fp32"))
    assert [p["loss"] for p in there] == pytest.approx([p["loss"] for p in here], abs=1e-3)
