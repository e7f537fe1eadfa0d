"""Batches that do harm are skipped and named; several in a row lead back behind them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domain.errors import UserError
from domain.settings.learning import Learning, Spikes
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.tokens.packing import Rows
from domain.training.trainer import Trainer
from tests.domain.training.loops import CPU, SPEC, same, train

SPIKES = Spikes(window=8, sigmas=4.0, in_a_row=3, anchor=10)
GUARDED = SPEC.replace(spikes=SPIKES)
STEPS = 30


def poisoned(tokens: Any, *bad: int, steps: int = STEPS) -> Batches:
    """Batches of real text, but for ``bad`` ones of noise."""
    batches = Batches(tokens, Mixture(), rows=8, context=32, batches=steps, seed=0)
    part = batches.part

    def noisy(index: int, rank: int, ranks: int) -> Rows:
        rows = part(index, rank, ranks)
        if index in bad:
            noise = np.random.default_rng(index).integers(3, 320, rows.tokens.shape)
            return Rows(noise, np.zeros_like(rows.segments))
        return rows

    batches.part = noisy  # type: ignore[method-assign]
    return batches


def test_a_step_is_skipped_as_if_it_had_not_been(
    tokenizer: Any, tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    states: list[dict[str, torch.Tensor]] = []
    step = Trainer.step

    def seen(self: Trainer, batch: Any, valid: int) -> None:
        step(self, batch, valid)
        states.append(copy.deepcopy({**self.model.state_dict(), "count": steps_of(self)}))

    monkeypatch.setattr(Trainer, "step", seen)
    batches = poisoned(tokens, 20)
    _, points = train(tokenizer, batches, tmp_path / "run", spec=GUARDED)
    assert [point["step"] for point in points if point.get("skipped")] == [21]
    assert all(torch.equal(states[20][name], states[19][name]) for name in states[19])
    assert not torch.equal(states[21]["count"], states[20]["count"])
    told = caplog.text
    assert "step 21 skipped: loss" in told
    assert all(name in told for name in batches.names(20))


def steps_of(loop: Trainer) -> torch.Tensor:
    """How many updates AdamW has made."""
    state: torch.Tensor = next(iter(loop.optimizer.state.values()))["step"]
    return state


def test_the_documents_of_a_batch(tokens: Any) -> None:
    """Told by the packing's own walk through the text: every token of the batch is in one of them."""
    batches = poisoned(tokens)
    names = batches.names(3)
    rows = batches[3]
    documents = sum(len(set(row.tolist())) for row in rows.segments)
    assert 1 <= len(names) <= documents
    assert all(name.split("/")[0] in ("domain", "general") and ": " in name for name in names)


def test_three_in_a_row_lead_back_and_past_them(
    tokenizer: Any, tokens: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "run"
    model, points = train(tokenizer, poisoned(tokens, 20, 21, 22), out, spec=GUARDED)
    assert [point["step"] for point in points] == list(range(1, STEPS + 1))
    assert not any(point.get("skipped") for point in points)
    # Skipped at 21, 22, 23; the last anchor is 20; so step 21 now reads batch 23.
    assert "step 23: 3 steps in a row were skipped; back to step 20, leaving out 3 batches" in caplog.text
    plain = Batches(tokens, Mixture(), rows=8, context=32, batches=STEPS, seed=0)
    order = [*range(20), *range(23, 30), 0, 1, 2]
    part = plain.part
    plain.part = lambda index, rank, ranks: part(order[index], rank, ranks)  # type: ignore[method-assign]
    expected, told = train(tokenizer, plain, tmp_path / "plain", spec=GUARDED)
    assert told == points
    assert same(expected, model)


def test_the_jump_is_part_of_the_state(tokenizer: Any, tokens: Any, tmp_path: Path, monkeypatch: Any) -> None:
    undisturbed, points = train(tokenizer, poisoned(tokens, 20, 21, 22), tmp_path / "undisturbed", spec=GUARDED)
    gradients = Trainer.gradients

    class Crash(Exception):
        pass

    def crashing(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        if self.progress.rollbacks and self.progress.step == 25:
            self.checkpoints.finish()
            raise Crash
        return gradients(self, batch, valid)

    often = CPU.replace(checkpoint_seconds=1e-6)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "gradients", crashing)
        with pytest.raises(Crash):
            train(tokenizer, poisoned(tokens, 20, 21, 22), tmp_path / "run", often, spec=GUARDED)
    resumed, again = train(tokenizer, poisoned(tokens, 20, 21, 22), tmp_path / "run", spec=GUARDED)
    assert again == points
    assert same(undisturbed, resumed)


def test_before_the_first_anchor_there_is_nowhere_to_go(
    tokenizer: Any, tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "gradients", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(UserError, match=r"test, step 3: 3 steps in a row were skipped.*lower the learning rate"):
        train(tokenizer, poisoned(tokens), tmp_path / "run", spec=GUARDED)


def test_it_does_not_go_back_for_ever(tokenizer: Any, tokens: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="3 steps in a row were skipped"):
        train(tokenizer, poisoned(tokens, *range(20, 40), steps=40), tmp_path / "run", spec=GUARDED)


def test_turned_off(tokenizer: Any, tokens: Any, tmp_path: Path) -> None:
    spec: Learning = GUARDED.replace(spikes=SPIKES.replace(sigmas=0.0))
    _, points = train(tokenizer, poisoned(tokens, 20), tmp_path / "run", spec=spec)
    assert not any(point.get("skipped") for point in points)
    assert points[20]["loss"] > points[19]["loss"] + 1
