from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.settings.learning import Learning, Training
from domain.tokens.mixture import Mixture
from domain.training.pretrain import prepare, pretrain

CPU = Machine(device="cpu", precision="fp32", threads=1)
LEARNING = {"batch": 256, "learning_rate": 3e-3}
BASE = Base(scratch=Scratch(width=32, layers=1, heads=2, context=32), tokens=2_560, learning=Learning(**LEARNING))
TRAINING = Training(tokens=2_560, **LEARNING)


@pytest.fixture(scope="module")
def base(tokens: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path_factory.mktemp("base") / "base", machine=CPU)


def test_the_base_reads_its_tokens(base: Any) -> None:
    assert base.facts["tokens"] == 2_560
    assert base.facts["context"] == 32
    points = [json.loads(line) for line in (base.path / "training.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == list(range(1, 11))
    assert base.facts["loss"] == pytest.approx(sum(p["loss"] for p in points) / 10, abs=1e-6)
    assert list(base.facts["epochs"]) == ["general"]


def test_an_arm_continues_from_the_base(base: Any, tokens: Any, tmp_path: Path) -> None:
    arm = pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    first = json.loads((arm.path / "training.jsonl").read_text().splitlines()[0])
    assert first["loss"] < 5.6  # below ln 320 = 5.77: it did not begin anew
    assert set(arm.facts["epochs"]) == {"domain", "general"}
    assert arm.digest != base.digest
    again = pretrain(TRAINING, base=base, tokens=tokens, out=tmp_path / "again", machine=CPU)
    assert again.digest == arm.digest


def test_given_weights_are_taken_as_they_are(pretrained: Path, corpus: Any, tokens: Any, tmp_path: Path) -> None:
    from domain.tokenizer.fit import Fitting, fit

    kept = fit(Fitting(mode="keep", base=str(pretrained)), corpus=corpus, out=tmp_path / "tokenizer")
    given = prepare(Base(weights=str(pretrained)), tokens=tokens, tokenizer=kept, out=tmp_path / "base", machine=CPU)
    assert given.facts == {"parameters": 260_032, "context": 512, "tokens": 0, "loss": None}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (TRAINING.replace(tokens=100), "fewer than one batch"),
        (TRAINING.replace(tokens=None), "not set"),
        (TRAINING.replace(context=64), "the model takes at most 32"),
    ],
)
def test_trainings_that_cannot_be(base: Any, tokens: Any, tmp_path: Path, spec: Training, found: str) -> None:
    with pytest.raises(UserError, match=found):
        pretrain(spec, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)


def test_packing_is_the_specs_and_facts_say_what_it_cost(base: Any, tokens: Any, tmp_path: Path) -> None:
    arm = pretrain(TRAINING.replace(packing="best_fit"), base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    assert set(arm.facts["packing"]) == {"kind", "truncated", "padding"}
    assert base.facts["packing"]["padding"] == 0.0
    assert 0 < arm.facts["packing"]["padding"] < 0.5
    # ten batches of 8 rows, 7 to 3, and each source is its part
    assert arm.facts["source_epochs"] == {
        part: {f"{part}-source": times} for part, times in arm.facts["epochs"].items()
    }


def test_text_read_often_is_told(tokens: Any, base: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = tokens.facts["train"]["general"]["tokens"]
    often = TRAINING.replace(tokens=6 * held, batch=2_048, mixture=Mixture(domain=0.0, general=1.0))
    pretrain(often, base=base, tokens=tokens, out=tmp_path / "arm", machine=CPU)
    times = 6 * held // 2_048 * 2_048 / held  # whole batches
    said = f"control: source general-source (general): its {held:,} tokens are read {times:.1f} times"
    assert said in caplog.text
