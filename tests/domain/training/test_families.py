"""Every objective trains a model of its family, from scratch and from given weights, and goes on after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import UserError
from domain.model.spec import Base, Scratch
from domain.settings.learning import Learning, Training
from domain.settings.objectives import Causal, Denoising, Masked, Span
from domain.tokenizer.fit import Fitting, fit
from domain.tokens.encode import Encoding, encode
from domain.training.pretrain import prepare, pretrain
from domain.training.trainer import Trainer
from tests.domain.training.loops import CPU

KINDS = {
    "llama": Causal(z_loss=1e-4), "bloom": Causal(), "bert": Masked(), "modernbert": Masked(whole_words=True),
    "t5": Span(), "bart": Denoising(),
}  # fmt: skip


class Crash(Exception):
    """Stands for one."""


OTHERS = [pytest.param(kind, marks=pytest.mark.soak) for kind in ("bloom", "modernbert", "bart")]


@pytest.mark.parametrize("architecture", ["llama", "bert", "t5", *OTHERS])
def test_trains_and_goes_on(
    corpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, architecture: str
) -> None:
    spec = KINDS[architecture]
    speaker = fit(
        Fitting(vocab_size=320 + 100 * (spec.kind == "span"), objective=spec.kind),
        corpus=corpus,
        out=tmp_path / "tokenizer",
    )
    tokens = encode(Encoding(), corpus=corpus, tokenizer=speaker, out=tmp_path / "tokens")
    shape = Scratch(architecture=architecture, width=32, layers=1, heads=2, context=64)  # type: ignore[arg-type]
    learning = Learning(batch=512, learning_rate=5e-3, objective=spec)
    scratch = Base(scratch=shape, tokens=512 * 30, learning=learning)
    base = prepare(scratch, tokens=tokens, tokenizer=speaker, out=tmp_path / "base", machine=CPU)
    losses = [json.loads(line)["loss"] for line in (base.path / "training.jsonl").read_text().splitlines()]
    assert sum(losses[-3:]) < sum(losses[:3]) - 3.0
    told = caplog.text
    assert ("packing disabled" in told) == (architecture in ("bloom", "bart"))
    assert base.facts["packing"]["kind"] == ("separate" if architecture in ("bloom", "bart") else "stream")

    given = prepare(Base(weights=str(base.path)), tokens=tokens, tokenizer=speaker, out=tmp_path / "given", machine=CPU)
    training = Training(**dict(learning), tokens=512 * 6)
    whole = pretrain(training, base=given, tokens=tokens, out=tmp_path / "whole", machine=CPU)
    gradients, often = Trainer.gradients, CPU.replace(checkpoint_seconds=1e-6)

    def crashing(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        if self.progress.step == 3:
            self.checkpoints.finish()
            raise Crash
        return gradients(self, batch, valid)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "gradients", crashing)
        with pytest.raises(Crash):
            pretrain(training, base=given, tokens=tokens, out=tmp_path / "again", machine=often)
    assert pretrain(training, base=given, tokens=tokens, out=tmp_path / "again", machine=CPU).digest == whole.digest


def test_an_objective_of_another_family(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    shape = Scratch(width=32, layers=1, heads=2, context=64)
    scratch = Base(scratch=shape, tokens=5_120, learning=Learning(batch=512, objective=Masked()))
    with pytest.raises(UserError, match="masked is for the family encoder, and the base is of the family decoder"):
        prepare(scratch, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "base", machine=CPU)
