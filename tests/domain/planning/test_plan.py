from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.cost.device import Device
from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.planning.expected import expect
from domain.planning.layouts import within
from domain.planning.plan import make_plan
from domain.planning.speed import Measured, Speed, guessed_rate
from domain.settings.learning import Learning, Lora, Training, Validation
from domain.tokenizer.fit import Fitting

BASE = Base(scratch=Scratch(width=64, layers=2, heads=4), tokens=100_000)
BLIND = Validation(every=0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A CPU of 1 GFLOP/s."""
    monkeypatch.setattr("domain.planning.speed.guessed_rate", lambda device: (1e9, "by hand"))
    return Machine(device="cpu", precision="fp32", work=tmp_path)


def test_a_budget_becomes_tokens(machine: Machine) -> None:
    training = Training(batch=1_024, validation=BLIND)
    base = BASE.replace(learning=Learning(batch=1_024, validation=BLIND))
    plan = make_plan(base, Fitting(vocab_size=512), training, machine, 3_600.0)
    assert plan.derived
    assert plan.tokens["adapted"] == plan.tokens["control"]
    assert plan.tokens["adapted"] % 1_024 == 0
    # all arms and the base together fill the budget but for the share kept for scoring
    assert plan.seconds == pytest.approx(3_600 * 0.95, rel=0.01)
    assert plan.seconds == pytest.approx(plan.flops / 1e9)


def test_pilots_are_paid_from_the_budget(machine: Machine, pretrained: Path) -> None:
    base, training = Base(weights=str(pretrained)), Training(batch=1_024, validation=BLIND)
    plan = make_plan(base, Fitting(mode="extend", add=64), training, machine, 3_600.0, pilots=0.15)
    assert plan.tokens["pilots"] == pytest.approx(0.15 * plan.tokens["adapted"], rel=0.01)
    assert plan.seconds == pytest.approx(3_600 * 0.95, rel=0.01)


def test_neither_tokens_nor_budget(machine: Machine) -> None:
    with pytest.raises(UserError, match=r"training\.tokens"):
        make_plan(BASE, Fitting(vocab_size=512), Training(), machine, None)


def test_a_budget_too_small(machine: Machine) -> None:
    with pytest.raises(UserError, match="one batch"):
        make_plan(BASE, Fitting(vocab_size=512), Training(), machine, 1.0)


def test_scoring_is_a_forward_pass_of_every_model(machine: Machine) -> None:
    training = Training(batch=1_024, tokens=102_400, validation=BLIND)
    base = BASE.replace(tokens=102_400, learning=Learning(batch=1_024, validation=BLIND))
    plan = make_plan(base, Fitting(vocab_size=512), training, machine, None, scored_bytes=409_600)
    # 102,400 tokens three times forward cost what they cost once forward and backward
    assert plan.scoring_seconds == pytest.approx(plan.seconds / 3)


def test_looks_at_held_out_text_take_time(machine: Machine) -> None:
    shape, device = shape_of(BASE, 512), Device(gpu=False, name="cpu", memory=None, bf16=False)
    speed = Speed(flops_per_second=1e9, memory_factor=1.0, source="")
    spec = Training(batch=1_024, validation=Validation(every=10, bytes=40_000))
    seen = expect(shape, spec, 25 * 1_024, device, machine, speed)
    # before the first step and after 10, 20 and 25: four looks at 10,000 tokens of either part, forward alone
    assert seen.validation_seconds == pytest.approx(4 * 2 * 10_000 / 3 * seen.flops / seen.tokens / 1e9)
    # whole batches: 100 tokens more make none
    assert expect(shape, spec, 25 * 1_024 + 100, device, machine, speed).tokens == 25 * 1_024


def test_a_measured_machine_is_not_guessed_at(machine: Machine) -> None:
    training = Training(batch=1_024, tokens=102_400, validation=BLIND)
    before = make_plan(BASE, Fitting(vocab_size=512), training, machine, None)
    record = {
        "identity": "a", "label": "adapted", "parameters": before.shape.parameters, "flops_per_second": 4e9,
        "memory_factor": 1.5, "warm_up": 3.0,
    }  # fmt: skip
    Measured(machine.work).add(before.device, "decoder", record)
    after = make_plan(BASE, Fitting(vocab_size=512), training, machine, None)
    assert after.trainings["adapted"].seconds == pytest.approx(before.trainings["adapted"].seconds / 4 + 3.0)
    unsure = after.memory.plain - after.memory.sure
    assert after.memory.peak == pytest.approx(after.memory.sure + 1.5 * unsure)
    assert after.speed.source.startswith("measured: adapted")


def test_gpus_share_the_work_and_are_all_paid(tmp_path: Path) -> None:
    training = Training(batch=65_536, tokens=655_360, validation=BLIND)
    base, spec = (
        BASE.replace(learning=Learning(batch=65_536, validation=BLIND), tokens=655_360),
        Fitting(vocab_size=512),
    )
    one, eight = (
        make_plan(base, spec, training, Machine(gpu="H100", processes=count, work=tmp_path), None) for count in (1, 8)
    )
    assert eight.seconds == pytest.approx(one.seconds / 8)
    assert (one.device.count, eight.device.count) == (1, 8)
    assert one.speed.flops_per_second == 0.35 * 989e12


def test_tokens_take_two_bytes_or_four(machine: Machine) -> None:
    training = Training(batch=1_024, tokens=1_024_000)
    small, large = (make_plan(BASE, Fitting(vocab_size=size), training, machine, None).disk for size in (512, 100_000))
    # 0.7 of domain and as many tokens of general text as an arm reads at most: 1.7 times a million
    assert (small["tokens"], large["tokens"]) == (
        pytest.approx(1.7 * 1_024_000 * 2),
        pytest.approx(1.7 * 1_024_000 * 4),
    )
    # three checkpoints of weights and two moments in fp32: two new ones and an anchor
    assert small["checkpoints"] == 36 * shape_of(BASE, 512).parameters
    # of 1,000 steps of either arm, those after 300, 600 and 900 stay for good
    more = make_plan(
        BASE, Fitting(vocab_size=512), training, machine.replace(permanent_every=300, checkpoints_kept=1), None
    )
    assert more.disk["checkpoints"] == 12 * (1 + 1 + 2 * 3) * shape_of(BASE, 512).parameters


def test_with_lora_few_parameters_learn(machine: Machine, pretrained: Path) -> None:
    base = Base(weights=str(pretrained))
    spec = Training(batch=1_024, tokens=102_400, lora=Lora(rank=4, targets=("q_proj", "v_proj")))
    plan = make_plan(base, Fitting(mode="keep"), spec, machine, None)
    # stories260k: 5 layers of width 64, 8 heads of 8 and 4 of keys: q is 64 x 64, v 32 x 64
    assert plan.learning == 4 * 5 * ((64 + 64) + (64 + 32))
    assert plan.memory.parts["optimizer"] == 8 * plan.learning
    whole = make_plan(base, Fitting(mode="keep"), spec.replace(lora=None), machine, None)
    assert plan.trainings["adapted"].seconds < whole.trainings["adapted"].seconds


@pytest.mark.parametrize(("architecture", "alone"), [("bloom", True), ("bart", True), ("llama", False), ("t5", False)])
def test_who_is_given_one_document_a_row(machine: Machine, architecture: str, alone: bool) -> None:
    family = {"bart": "denoising", "t5": "span"}.get(architecture, "causal")
    base = BASE.replace(scratch=Scratch(architecture=architecture, width=64, layers=2, heads=4))
    training = Training(batch=1_024, tokens=102_400, objective=family)
    assert make_plan(base, Fitting(vocab_size=512), training, machine, None).alone is alone


def test_guesses() -> None:
    h200 = Device(gpu=True, name="NVIDIA H200", memory=None, bf16=True)
    assert guessed_rate(h200)[0] == pytest.approx(0.35 * 989e12)
    assert guessed_rate(replace(h200, bf16=False))[0] < 67e12  # what its data sheet says of fp32
    assert "unknown device" in guessed_rate(replace(h200, name="Unheard Of"))[1]
    assert guessed_rate(replace(h200, gpu=False))[0] > 1e8


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    shape: dict[str, Any] = {"width": 4_096, "layers": 32, "heads": 32, "ffn": 11_008, "context": 4_096, "tied": False}
    base = Base(scratch=Scratch(**shape), tokens=10**9)
    spec = Training(batch=2**19, tokens=10**9, context=4_096)

    def plan(**more: Any) -> Any:
        return make_plan(base, Fitting(vocab_size=32_000), spec, Machine(work=tmp_path, **more), None)

    one = plan(gpu="H100")
    assert one.fits is None  # 16 bytes x 6.74e9 = 108 GB
    assert one.fewest.how.ranks == 4
    assert one.fewest.memory.peak < one.room < 80e9
    assert plan(gpu="H100", processes=8).fits.how.recompute == "none"
    assert plan(gpu="H100", memory_gb=200).fits is not None
    assert plan(gpu="Unheard Of").room is None


def test_nothing_is_gained_beyond_a_cpus_cache(machine: Machine) -> None:
    plan = make_plan(BASE, Fitting(vocab_size=512), Training(batch=65_536, tokens=655_360), machine, None)
    assert plan.fits is not None
    assert plan.fits.how.together * plan.context == 2_048
    assert within(plan.fits.how, 1.0, lambda how: plan.memory, length=512) is None
