"""The loop against a plain reference, and against itself interrupted: the same weights to the last bit."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.errors import UserError
from domain.machine import Machine
from domain.model.build import build
from domain.tokens.batch import IGNORED
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.training.metrics_log import read_points
from domain.training.preemption import Stopped
from domain.training.ranks import Ranks
from domain.training.schedule import rate
from domain.training.trainer import Trainer
from tests.domain.training.loops import CAUSAL, CPU, SHAPE, SPEC, same, train, trainer


@pytest.fixture
def batches(tokens: Any) -> Batches:
    return Batches(tokens, Mixture(), rows=8, context=32, batches=12, seed=0)


def alone(segments: torch.Tensor) -> dict[str, torch.Tensor]:
    """Restarted positions and the mask [rows, 1, length, length] of what each position sees, written out."""
    length = segments.shape[1]
    seen = segments[:, :, None] == segments[:, None, :]
    mask = (seen & torch.ones(length, length).tril().bool())[:, None]
    return {"attention_mask": mask, "position_ids": mask[:, 0].sum(2) - 1}


def test_equals_a_plain_loop(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, points = train(tokenizer, batches, tmp_path / "run")
    model = build(SHAPE, tokenizer.path, seed=0).train()
    decayed = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    free = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), foreach=False)
    for index, point in enumerate(points):
        batch = CAUSAL(batches[index], index)
        logits = model(**alone(batch.segments["input_ids"]), **batch.inputs, use_cache=False).logits
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
    _, parts = train(tokenizer, batches, tmp_path / "parts", CPU.replace(micro_batch=64))
    assert [p["loss"] for p in parts] == pytest.approx([p["loss"] for p in whole], abs=1e-4)


class Stop(Exception):
    """Stands for a crash."""


# Before the border, at it, and after it: 4 is the first step in which everything learns.
@pytest.mark.parametrize("alone", [{}, {"new_rows": range(300, 316), "alone": 4}])
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
    often, gradients, calls = CPU.replace(checkpoint_seconds=1e-6), Trainer.gradients, 0

    def crashing(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == crash_at + 1:
            self.checkpoints.finish()  # else the last of them may not be there yet, and the count below differs
            raise Stop
        return gradients(self, batch, valid)

    monkeypatch.setattr(Trainer, "gradients", crashing)
    with pytest.raises(Stop):
        train(tokenizer, batches, tmp_path / "interrupted", often, **alone)
    resumed, again = train(tokenizer, batches, tmp_path / "interrupted", often, **alone)
    assert calls == 13  # it went on from the last checkpoint: no step was taken twice
    assert again == points
    assert same(undisturbed, resumed)


def test_a_damaged_checkpoint_is_passed_over(
    tokenizer: Any, batches: Batches, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    undisturbed, points = train(tokenizer, batches, tmp_path / "undisturbed")
    out = tmp_path / "run"
    train(tokenizer, batches, out, CPU.replace(checkpoint_seconds=1e-6))
    newest = max((out / ".scratch" / "checkpoints").glob("step-*"))
    file = next(newest.glob("*.distcp"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 16
    file.write_bytes(data)
    resumed, again = train(tokenizer, batches, out)
    assert f"{newest.name} is damaged" in caplog.text
    assert again == points
    assert same(undisturbed, resumed)


@pytest.mark.parametrize("name", ["tokens", "base"])
def test_a_resume_with_other_text_or_base_is_refused(
    tokenizer: Any, batches: Batches, tmp_path: Path, name: str
) -> None:
    digests = {"tokens": "a" * 64, "base": "b" * 64}
    train(tokenizer, batches, tmp_path / "run", CPU.replace(checkpoint_seconds=1e-6), digests=digests)
    with pytest.raises(UserError, match=f"with {name} {digests[name]}, but now uses {name} {'c' * 64}"):
        train(tokenizer, batches, tmp_path / "run", digests={**digests, name: "c" * 64})


def test_sigterm_saves_and_stops(
    tokenizer: Any, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, points = train(tokenizer, batches, tmp_path / "undisturbed")
    gradients, calls = Trainer.gradients, 0

    def asked(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return gradients(self, batch, valid)

    monkeypatch.setattr(Trainer, "gradients", asked)
    with pytest.raises(Stopped, match="after step 6 is saved"):  # received when step 6 begins
        train(tokenizer, batches, tmp_path / "run")
    resumed, again = train(tokenizer, batches, tmp_path / "run")
    assert calls == 12
    assert again == points
    assert same(undisturbed, resumed)


def test_bf16_learns_alike(tokenizer: Any, batches: Batches, tmp_path: Path) -> None:
    _, exact = train(tokenizer, batches, tmp_path / "fp32")
    _, rounded = train(tokenizer, batches, tmp_path / "bf16", CPU.replace(precision="bf16"))
    assert [p["loss"] for p in rounded] == pytest.approx([p["loss"] for p in exact], abs=0.05)


@pytest.mark.parametrize("how", ["selective", "full"])
def test_recomputing_changes_nothing(tokenizer: Any, batches: Batches, tmp_path: Path, how: str) -> None:
    kept, points = train(tokenizer, batches, tmp_path / "kept")
    again, told = train(tokenizer, batches, tmp_path / "again", CPU.replace(recompute=how))
    assert told == points
    assert same(kept, again)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_on_a_gpu_as_on_a_cpu(tokenizer: Any, batches: Batches, tmp_path: Path, precision: str) -> None:
    """And the points say how much of its peak was used, where one is published."""
    card, machine = torch.device("cuda"), Machine(device="cuda", precision=precision)
    _, here = train(tokenizer, batches, tmp_path / "cpu")
    model = build(SHAPE, tokenizer.path, seed=0).to(card)
    ranks = Ranks(rank=0, size=1, device=card)
    loop = trainer(model, batches, tmp_path / "gpu", machine, ranks=ranks, half=precision == "bf16")
    there = loop.run()
    near = 1e-3 if precision == "fp32" else 0.05
    assert [p["loss"] for p in there] == pytest.approx([p["loss"] for p in here], abs=near)
    points = read_points(loop.metrics_path)
    assert all(("mfu" in point) == (loop.throughput.batch_flops.peak is not None) for point in points)
    assert all(0 < point["mfu"] < 1 for point in points if "mfu" in point)
