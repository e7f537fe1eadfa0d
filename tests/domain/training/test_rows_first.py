"""New pieces learn first: nothing else moves while they do, and they move as if the rest were constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.model.attention import Attention
from domain.model.build import build
from domain.tokens.batch import IGNORED
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.training.schedule import rate
from domain.training.trainer import Trainer
from tests.domain.training.loops import ALONE as ALONE_HERE
from tests.domain.training.loops import CAUSAL, SHAPE, SPEC, same, train, trainer

NEW = range(300, 316)  # of 320 rows
ALONE = 4  # of 12 steps


@pytest.fixture
def batches(tokens: Any) -> Batches:
    return Batches(tokens, Mixture(), rows=8, context=32, batches=12, seed=0)


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_learn_first(
    tokenizer: Any, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tied: bool
) -> None:
    """Nothing but they moves while they are alone, and they move as if the rest were constants."""
    shape = SHAPE.replace(tied=tied)
    before = build(shape, tokenizer.path, seed=0).state_dict()
    model = build(shape, tokenizer.path, seed=0)
    seen: list[dict[str, torch.Tensor]] = []
    step = Trainer.step

    def watched(self: Trainer, batch: Any, valid: int) -> None:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        step(self, batch, valid)

    monkeypatch.setattr(Trainer, "step", watched)
    (tmp_path / "run").mkdir()
    points = trainer(model, batches, tmp_path / "run", ranks=ALONE_HERE, new_rows=NEW, alone=ALONE).run()
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
    attention = Attention(plain, ALONE_HERE.device)
    state = {name: plain.state_dict()[name] for name in grown[: 1 if tied else 2]}
    rows = {name: tensor[NEW.start : NEW.stop].clone().requires_grad_() for name, tensor in state.items()}
    optimizer = torch.optim.AdamW(rows.values(), betas=(0.9, 0.95), weight_decay=0.0, foreach=False)
    for index, point in enumerate(points[:ALONE]):
        batch = CAUSAL(batches[index], index)
        given = attention(batch)
        whole = {n: torch.cat([t[: NEW.start], rows[n], t[NEW.stop :]]) for n, t in state.items()}
        logits = torch.func.functional_call(plain, whole, kwargs={**given, "use_cache": False}).logits
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
    model, again = train(tokenizer, batches, tmp_path / "same", **nothing)
    assert again == points
    assert same(model, usual)
