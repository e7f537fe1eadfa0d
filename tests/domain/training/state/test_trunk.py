"""A longer training goes on from a shorter one's trunk, and ends where it would have ended without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.machine import Machine
from domain.model.spec import Base
from domain.settings.learning import Spikes, Training
from domain.tokens.mixture import Mixture
from domain.training.pretrain import TRIALS, grid_pilot, prepare, pretrain
from domain.training.trainer import Trainer
from tests.domain.training.loops import SHAPE, SPEC

WSD = Training(
    tokens=20 * 256, batch=256, learning_rate=3e-3, decay="wsd", warmup_tokens=512, decay_share=0.25,
    spikes=Spikes(sigmas=0.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tokens: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("base") / "base"
    return prepare(
        Base(scratch=SHAPE, tokens=2_560, learning=SPEC),
        tokens=tokens,
        tokenizer=tokenizer,
        out=folder,
        machine=of(folder),
    )


def of(work: Path) -> Machine:
    """A machine with a work folder of its own."""
    return Machine(device="cpu", precision="fp32", threads=1, work=work)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that are taken, as they are."""
    taken: list[int] = []
    step = Trainer.step

    def counted(self: Trainer, batch: Any, valid: int) -> None:
        taken.append(self.progress.step)
        step(self, batch, valid)

    monkeypatch.setattr(Trainer, "step", counted)
    return taken


def test_a_longer_one_branches_off(base: Any, tokens: Any, tmp_path: Path, steps: list[int]) -> None:
    long = WSD.replace(tokens=40 * 256)
    alone = pretrain(long, base=base, tokens=tokens, out=tmp_path / "alone", machine=of(tmp_path / "none"))
    work = of(tmp_path / "work")
    pretrain(WSD, base=base, tokens=tokens, out=tmp_path / "short", machine=work)
    steps.clear()
    grown = pretrain(long, base=base, tokens=tokens, out=tmp_path / "long", machine=work)
    assert steps == list(range(15, 40))  # the short one's decay began after three quarters of 20
    series = [(each.path / "training.jsonl").read_text() for each in (grown, alone)]
    assert series[0] == series[1]
    assert grown.digest == alone.digest


def test_another_decay_branches_off_too(base: Any, tokens: Any, tmp_path: Path, steps: list[int]) -> None:
    work = of(tmp_path / "work")
    pretrain(WSD, base=base, tokens=tokens, out=tmp_path / "first", machine=work)
    steps.clear()
    pretrain(WSD.replace(final_rate=0.0), base=base, tokens=tokens, out=tmp_path / "second", machine=work)
    assert steps == list(range(15, 20))


@pytest.mark.parametrize(
    "other",
    [{"learning_rate": 1e-3}, {"mixture": Mixture(domain=0.5, general=0.5)}, {"seed": 1}, {"warmup_tokens": 1024}],
)
def test_what_differs_before_the_decay_begins_anew(
    base: Any, tokens: Any, tmp_path: Path, steps: list[int], other: dict[str, Any]
) -> None:
    work = of(tmp_path / "work")
    pretrain(WSD, base=base, tokens=tokens, out=tmp_path / "first", machine=work)
    steps.clear()
    pretrain(WSD.replace(**other), base=base, tokens=tokens, out=tmp_path / "second", machine=work)
    assert steps == list(range(20))


def test_a_schedule_without_a_trunk_keeps_none(base: Any, tokens: Any, tmp_path: Path) -> None:
    work = of(tmp_path / "work")
    pretrain(WSD.replace(decay="cosine"), base=base, tokens=tokens, out=tmp_path / "first", machine=work)
    assert not (tmp_path / "work" / "trunks").exists()


def states(work: Path) -> list[str]:
    """What is left of trunks of trials, by step."""
    return sorted(each.name for each in (work / TRIALS).glob("*/*"))


def test_trials_leave_their_losses_and_the_newest_state(
    base: Any, tokens: Any, tmp_path: Path, steps: list[int]
) -> None:
    work = of(tmp_path / "work")
    long, other = WSD.replace(tokens=40 * 256), WSD.replace(learning_rate=1e-3)
    alone = pretrain(long, base=base, tokens=tokens, out=tmp_path / "alone", machine=of(tmp_path / "none"))
    steps.clear()
    short = grid_pilot(WSD, base=base, tokens=tokens, out=tmp_path / "short", machine=work)
    assert states(work.work) == ["15"]
    grown = grid_pilot(long, base=base, tokens=tokens, out=tmp_path / "long", machine=work)
    assert steps == [*range(20), *range(15, 40)]
    assert states(work.work) == ["30"]  # none of this arm needs the state at 15 any more
    assert {path.name for path in grown.path.iterdir()} == {"training.jsonl", "manifest.json"}
    assert (grown.path / "training.jsonl").read_text() == (alone.path / "training.jsonl").read_text()
    assert (grown.facts, short.facts["tokens"]) == (alone.facts, 20 * 256)
    grid_pilot(other, base=base, tokens=tokens, out=tmp_path / "other", machine=work)
    assert states(work.work) == ["15"]
    assert len(list((work.work / TRIALS).iterdir())) == 1  # the other arm's, which takes the place of the first's
    assert not (work.work / "trunks").exists()


def test_a_state_that_was_removed_by_half_is_passed_over(
    base: Any, tokens: Any, tmp_path: Path, steps: list[int]
) -> None:
    work = of(tmp_path / "work")
    grid_pilot(WSD, base=base, tokens=tokens, out=tmp_path / "short", machine=work)
    (torn,) = work.work.glob(f"{TRIALS}/*/15/step-*/manifest.json")
    torn.unlink()
    steps.clear()
    grid_pilot(WSD.replace(tokens=40 * 256), base=base, tokens=tokens, out=tmp_path / "long", machine=work)
    assert steps == list(range(40))
