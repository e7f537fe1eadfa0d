"""A model from a checkpoint in the middle is the model that the training had then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import UserError
from domain.inference.generate import generate
from domain.model.build import load
from domain.model.spec import Base
from domain.settings.learning import Lora, Training
from domain.training.pretrain import prepare, pretrain
from domain.training.state.export import export
from domain.training.trainer import Trainer
from tests.domain.training.loops import CPU, SHAPE, SPEC


class Enough(Exception):
    """Ends a training in the middle."""


@pytest.mark.parametrize("lora", [None, Lora(rank=2)])
def test_in_the_middle(tokens: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: Any) -> None:
    spec = Base(scratch=SHAPE, tokens=2_560, learning=SPEC)
    base = prepare(spec, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "base", machine=CPU)
    step, kept = Trainer.step, list[torch.Tensor]()

    def watched(self: Trainer, batch: Any, valid: int) -> None:
        if self.progress.step in (3, 5):
            ids = torch.arange(20)[None]
            kept.append(self.model(ids, use_cache=False).logits.detach())
        if self.progress.step == 5:
            self.checkpoints.finish()
            raise Enough
        step(self, batch, valid)

    monkeypatch.setattr(Trainer, "step", watched)
    training = Training(tokens=2_560, batch=256, learning_rate=3e-3, lora=lora)
    with pytest.raises(Enough):
        pretrain(training, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU.replace(checkpoint_seconds=1e-6))
    held = sorted((tmp_path / "arm").rglob("*"))
    assert export(tmp_path / "arm", tmp_path / "newest") == 5
    steps = [int(each.name[5:]) for each in (tmp_path / "arm" / ".scratch" / "checkpoints").glob("step-*")]
    assert sorted(steps) == [4, 5]
    model = load(tmp_path / "newest").eval()
    assert torch.allclose(model(torch.arange(20)[None]).logits, kept[1], atol=1e-5)
    assert generate(tmp_path / "newest", "the", max_tokens=3, machine=CPU)
    assert export(tmp_path / "arm", tmp_path / "before", step=4) == 4
    assert not torch.allclose(load(tmp_path / "before").eval()(torch.arange(20)[None]).logits, kept[1], atol=1e-5)
    assert sorted((tmp_path / "arm").rglob("*")) == held  # the training is as it was
    with pytest.raises(UserError, match=r"no valid checkpoint of step 9.*available steps: 4, 5"):
        export(tmp_path / "arm", tmp_path / "other", step=9)
    with pytest.raises(UserError, match="already exists"):
        export(tmp_path / "arm", tmp_path / "newest")


def test_what_is_no_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="contains no checkpoints"):
        export(tmp_path, tmp_path / "out")


def test_what_outlasts_the_training(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    spec, machine = Base(scratch=SHAPE, tokens=2_560, learning=SPEC), CPU.replace(work=tmp_path, permanent_every=4)
    (tmp_path / "base").mkdir()
    prepare(spec, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "base", machine=machine)
    kept = tmp_path / "checkpoints" / "base"
    assert sorted(each.name for each in (kept / "checkpoints").iterdir()) == ["step-000000004", "step-000000008"]
    assert export(kept, tmp_path / "newest") == 8
    assert export(kept, tmp_path / "before", step=4) == 4
    assert generate(tmp_path / "before", "the", max_tokens=3, machine=CPU)
