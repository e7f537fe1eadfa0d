"""What the loop sees of held-out text, against a sum written out, and what it does about it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional

from domain.model.build import load
from domain.model.spec import Base
from domain.settings.learning import Training, Validation
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokens.shards import Shards
from domain.training.pretrain import prepare, pretrain
from domain.training.validation import spelled_bytes
from tests.domain.training.loops import CPU, SHAPE, SPEC

EVERY = Validation(every=5, bytes=10**9)
ARM = Training(tokens=12 * 256, batch=256, learning_rate=3e-3, validation=EVERY)


@pytest.fixture(scope="module")
def base(tokens: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    spec = Base(scratch=SHAPE, tokens=2_560, learning=SPEC)
    return prepare(spec, tokens=tokens, tokenizer=tokenizer, out=tmp_path_factory.mktemp("base") / "base", machine=CPU)


def looks(arm: Any) -> dict[int, dict[str, float]]:
    points = [json.loads(line) for line in (arm.path / "training.jsonl").read_text().splitlines()]
    names = ("validation_domain", "validation_general")
    return {p["step"]: {name.split("_")[1]: p[name] for name in names} for p in points if names[0] in p}


def test_when_and_that_it_changes_nothing(base: Any, tokens: Any, tmp_path: Path) -> None:
    seen = pretrain(ARM, base=base, tokens=tokens, out=tmp_path / "seen", machine=CPU)
    blind = pretrain(
        ARM.replace(validation=EVERY.replace(every=0)), base=base, tokens=tokens, out=tmp_path / "blind", machine=CPU
    )
    assert list(looks(seen)) == [5, 10, 12]
    assert looks(blind) == {}
    assert seen.facts["validation_domain"] == looks(seen)[12]["domain"]
    weights = [(arm.path / "model.safetensors").read_bytes() for arm in (seen, blind)]
    assert weights[0] == weights[1]


def test_bits_per_byte_written_out(base: Any, tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    """All validation text, each document in pieces of 32 tokens that share one; special tokens cost nothing."""
    arm = pretrain(ARM, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    model, speaker = load(arm.path).eval(), load_tokenizer(arm.path)
    special = set(speaker.all_special_ids)
    for part in ("domain", "general"):
        shards, nats, size = Shards(tokens.path / "validation", part), 0.0, 0
        for number in range(len(shards)):
            ids = torch.from_numpy(shards.document(number).astype("int64"))
            for start in range(0, len(ids) - 1, 32):
                piece = ids[start : start + 33]
                with torch.no_grad():
                    losses = functional.cross_entropy(model(piece[None, :-1]).logits[0], piece[1:], reduction="none")
                for loss, wanted in zip(losses.tolist(), piece[1:].tolist(), strict=True):
                    if wanted not in special:
                        nats += loss
                        size += len(speaker.convert_ids_to_tokens(wanted))  # in GPT-2's alphabet a byte is a character
        assert looks(arm)[12][part] == pytest.approx(nats / math.log(2) / size, rel=1e-4)


def test_pieces_spell_their_bytes(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    sizes = spelled_bytes(speaker)
    for text in ("Net income rose 3.5%", "안녕하세요", "  \n"):
        ids = speaker(text, add_special_tokens=False)["input_ids"]
        assert int(sizes[ids].sum()) == len(text.encode())
    assert all(int(sizes[number]) == 0 for number in speaker.all_special_ids)


def worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look finds general text a tenth worse than the one before."""
    state = {"general": 2.0}

    def found(*_: Any) -> dict[str, float]:
        state["general"] *= 1.1
        return {"domain": 1.0, "general": state["general"]}

    monkeypatch.setattr("domain.training.validation.Validator.__call__", found)


def test_forgetting_is_told(
    base: Any, tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worse(monkeypatch)
    arm = pretrain(ARM, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    assert "adapted: general text is +10.0% bits per byte after step 5" in caplog.text
    assert arm.facts["tokens"] == 12 * 256
    assert "stopped" not in arm.facts


def test_forgetting_stops(base: Any, tokens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worse(monkeypatch)
    spec = ARM.replace(validation=EVERY.replace(stop=0.15))
    arm = pretrain(spec, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    assert arm.facts["stopped"] == (
        "adapted: general text is +21.0% bits per byte after step 10, more than 15.0%: stopped"
    )
    assert arm.facts["tokens"] == 10 * 256
