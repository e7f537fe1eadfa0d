"""A given base with other pieces, from preparing to the learned arm: interrupted, it ends with the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.artifacts import Tokenizer
from domain.machine import Machine
from domain.manifest import seal
from domain.model.build import build, load, save
from domain.model.spec import Base, Scratch
from domain.settings.learning import Training
from domain.tokens.encode import Encoding, encode
from domain.training import trainer
from domain.training.pretrain import prepare, pretrain

CPU = Machine(device="cpu", precision="fp32", threads=1)
# 100 steps of one short row, of which 2 are for new rows alone.
TRAINING = Training(tokens=3_200, batch=32, context=32, learning_rate=1e-3)
FRESH = ["\u2581the", "\u2581iteration", "\u2581preconditioned", "\u2581residual"]


@pytest.fixture(scope="module")
def given(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given weights: a small model that speaks the pretrained one's 512 pieces."""
    folder = tmp_path_factory.mktemp("given")
    save(build(Scratch(width=32, layers=1, heads=2, context=32), pretrained, seed=0), pretrained, folder)
    return folder


@pytest.fixture(scope="module")
def extended(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The pretrained model's tokenizer with pieces and merges appended by hand."""
    folder = tmp_path_factory.mktemp("extended")
    content = json.loads((pretrained / "tokenizer.json").read_text())
    vocabulary, merges = content["model"]["vocab"], content["model"]["merges"]
    for word in FRESH:
        left = word[0]
        for character in word[1:]:
            if left + character not in vocabulary:
                vocabulary[left + character] = len(vocabulary)
                merges.append([left, character])
            left += character
    (folder / "tokenizer.json").write_text(json.dumps(content))
    (folder / "tokenizer_config.json").write_bytes((pretrained / "tokenizer_config.json").read_bytes())
    fields = {"stage": "tokenizer", "version": 1, "kind": "Tokenizer", "spec": None, "parents": {}, "facts": {}}
    seal(folder, identity="by-hand", **fields)
    return Tokenizer.open(folder)


class Stop(Exception):
    """Stands for a crash."""


@pytest.mark.parametrize("new", [pytest.param(False, marks=pytest.mark.soak), True])
def test_prepared_interrupted_and_resumed(
    given: Path,
    extended: Any,
    tokenizer: Any,
    corpus: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new: bool,
) -> None:
    speaker = tokenizer if new else extended
    size = len(json.loads((speaker.path / "tokenizer.json").read_text())["model"]["vocab"])
    tokens = encode(Encoding(), corpus=corpus, tokenizer=speaker, out=tmp_path / "tokens")
    base = prepare(Base(weights=str(given)), tokens=tokens, tokenizer=speaker, out=tmp_path / "base", machine=CPU)
    facts = base.facts["embeddings"]
    assert (facts["kind"], facts["rows"]) == (("new", 320) if new else ("extended", 576))
    assert facts["new_rows"] == ([0, 320] if new else [512, size])
    begun = load(base.path)
    assert begun.config.vocab_size == facts["rows"]
    assert begun.generation_config.suppress_tokens == (None if new else list(range(size, 576)))

    asked = []
    with monkeypatch.context() as patch:
        usual = trainer.EmbeddingWarmup
        patch.setattr(trainer, "EmbeddingWarmup", lambda *args, **how: (asked.append(args[2:]), usual(*args, **how))[1])
        whole = pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path / "whole", machine=CPU)
    assert asked == [(range(*facts["new_rows"]), 2)]
    expected = load(whole.path).state_dict()
    gradients, often = trainer.Trainer.gradients, CPU.replace(checkpoint_seconds=1e-6)
    for crash_at in (1,) if new else (1, 3):  # on either side of the border, which lies after 2 steps
        calls = 0

        def crashing(self: Any, batch: Any, valid: int, crash_at: int = crash_at) -> torch.Tensor:
            nonlocal calls
            calls += 1
            if calls == crash_at + 1:
                raise Stop
            return gradients(self, batch, valid)

        out = tmp_path / f"crash-{crash_at}"
        with monkeypatch.context() as patch:
            patch.setattr(trainer.Trainer, "gradients", crashing)
            with pytest.raises(Stop):
                pretrain(TRAINING, base=base, tokens=tokens, out=out, machine=often)
        resumed = pretrain(TRAINING, base=base, tokens=tokens, out=out, machine=CPU)
        assert resumed.digest == whole.digest
        assert (resumed.path / "training.jsonl").read_bytes() == (whole.path / "training.jsonl").read_bytes()
        for name, tensor in load(resumed.path).state_dict().items():
            assert torch.equal(tensor, expected[name]), name

    learned = load(whole.path)
    assert learned.config.vocab_size == facts["rows"]
    assert learned.generation_config.suppress_tokens == begun.generation_config.suppress_tokens
    points = [json.loads(line) for line in (whole.path / "training.jsonl").read_text().splitlines()]
    assert points[-1]["loss"] < points[0]["loss"] - 1.0
