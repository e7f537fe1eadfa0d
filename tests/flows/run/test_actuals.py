"""Predicted against measured, with injected numbers; and that a run tells and keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.artifacts import Checkpoint
from domain.cost.device import device_of
from domain.cost.shape import shape_of
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.planning.speed import Measured, speed_of
from domain.settings.learning import Training
from domain.training.metrics_log import write_points
from flows.run.actuals import compared, comparison, measure, seconds, used

SHAPE = shape_of(Base(scratch=Scratch(width=32, layers=1, heads=2, context=64), tokens=1), 320)


def points(steps: int, valid: int, speed: float, memory: float = 900.0) -> list[dict[str, Any]]:
    """Steps of so many predicted tokens; the first three are ten times as slow."""
    return [
        {"step": n, "tokens": n * valid, "tokens_per_second": speed / (10 if n <= 3 else 1), "memory_mb": memory}
        for n in range(1, steps + 1)
    ]


def test_seconds_of_each_step() -> None:
    assert seconds(points(5, 100, 50.0)) == [(100, 20.0)] * 3 + [(100, 2.0)] * 2


def test_the_rate_is_that_of_text_after_the_warm_up() -> None:
    planned = SimpleNamespace(seconds=50.0, memory=SimpleNamespace(plain=1e9, sure=4e8, peak=8e8))
    device = SimpleNamespace(count=2)
    # 10 steps of 100 predicted tokens, of 1,000 tokens of text each, at 7 FLOPs a token, on two devices
    record = compared("adapted", "id", SHAPE, points(10, 100, 50.0), 10_000, device, planned, 7.0)  # type: ignore[arg-type]
    assert record["flops_per_second"] == pytest.approx(50.0 * 10 * 7.0 / 2)
    assert record["warm_up"] == pytest.approx(3 * (20 - 2))
    assert record["memory_factor"] == pytest.approx((9e8 - 4e8) / (1e9 - 4e8))
    assert record["measured"] == {"seconds": pytest.approx(3 * 20 + 7 * 2), "memory": 9e8}
    assert comparison(record) == "trained in 74 s (estimate 50 s, +48%); peak memory 900 MB (estimate 800 MB, +12%)"


def test_a_training_of_a_few_steps_is_all_warm_up() -> None:
    planned = SimpleNamespace(seconds=1.0, memory=SimpleNamespace(plain=2.0, sure=1.0, peak=2.0))
    record = compared("a", "i", SHAPE, points(2, 100, 50.0), 200, SimpleNamespace(count=1), planned, 1.0)  # type: ignore[arg-type]
    assert (record["flops_per_second"], record["warm_up"]) == (pytest.approx(5.0), 0.0)


@pytest.fixture
def trained(undisturbed: Path) -> dict[str, Any]:
    """The base, adapted model and tokenizer of a finished run."""
    found = {}
    for stage in ("base", "pretrain"):
        found[stage] = Checkpoint.open(next((undisturbed / "artifacts" / stage).iterdir()))
    return found


def test_what_was_measured_once_is_planned_right(trained: dict[str, Any], tmp_path: Path) -> None:
    machine = Machine(work=tmp_path, device="cpu", precision="fp32", threads=1)
    base, adapted = trained["base"], trained["pretrain"]
    spec = Training(tokens=8_192, batch=512)
    tokens = adapted.facts["tokens"]
    spool = tmp_path / "x.spool.jsonl"
    write_points(spool, points(16, tokens // 16, 4_000.0))
    first = measure("adapted", spec, {"base": base}, adapted, spool, machine)
    assert first is not None
    # the same again: predicted to the second, warm-up included, and to the byte
    again = measure("adapted", spec, {"base": base}, adapted, spool, machine)
    assert again is not None
    assert again["planned"]["seconds"] == pytest.approx(again["measured"]["seconds"], rel=1e-6)
    assert again["planned"]["memory"] == pytest.approx(9e8, rel=1e-6)
    device = device_of(machine)
    assert speed_of(shape_of(Base(weights=str(base.path)), None), device, Measured(tmp_path)).source.endswith(
        f"{adapted.facts['parameters'] / 1e6:.4g}M parameters"
    )


def test_what_is_no_training_is_not_measured(trained: dict[str, Any], tmp_path: Path) -> None:
    machine, spool = Machine(work=tmp_path, device="cpu"), tmp_path / "x.spool.jsonl"
    assert measure("a", Training(), {"base": trained["base"]}, trained["pretrain"], spool, machine) is None  # no points
    write_points(spool, points(4, 100, 50.0))
    assert measure("a", Base(weights="org/model@a"), {}, trained["base"], spool, machine) is None
    assert not (tmp_path / "machine.json").exists()


def test_points_that_tell_nothing_stop_no_run(
    trained: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = tmp_path / "x.spool.jsonl"
    write_points(spool, [{"step": 1, "tokens": 100, "tokens_per_second": 0.0}])
    machine = Machine(work=tmp_path, device="cpu")
    assert measure("adapted", Training(), {"base": trained["base"]}, trained["pretrain"], spool, machine) is None
    assert "adapted: not measured" in caplog.text


def test_a_run_tells_and_keeps_it(undisturbed: Path, finished: Path, command: Any, without_engine: None) -> None:
    recipe = undisturbed.parent / "contracts.yaml"
    for each in (finished / "artifacts" / "pretrain").iterdir():
        each.rename(finished / each.name)
    ask = ("--as-of", command.day, "--work", finished, *command.machine, "--tracking", "none", "--until", "pretrain")
    answer = command.ask("run", recipe, *ask)
    assert answer.code == 0, answer.err
    line = next(line for line in answer.out.splitlines() if line.startswith("adapted: trained in"))
    assert " (estimate " in line
    assert "peak memory " in line
    shown = json.loads(command.ask("show", recipe, "--json", "--work", finished).out)["stages"]
    assert shown["adapted"]["learned"]["measured"]["memory"] > 1e8
    assert "learned" not in shown["base"]  # made elsewhere
    table = command.plain(command.ask("show", recipe, "--work", finished).out)
    assert "adapted    trained in " in table
    assert "control    trained in " in table
    # found again it is still there
    command.ask("run", recipe, *ask)
    assert "adapted    trained in " in command.plain(command.ask("show", recipe, "--work", finished).out)
    plan = command.ask("plan", recipe, "--work", finished, *command.machine).out
    assert "(measured: " in plan


def test_mfu_is_told_with_what_it_is_reckoned_by() -> None:
    """The middle of the steps' shares; where no peak is published nothing is said."""
    assert used([{"mfu": 0.1}, {"mfu": 0.41}, {"mfu": 0.42}]) == {"mfu": 0.41}
    assert used([{"step": 1}]) == {}
    same: dict[str, Any] = {"seconds": 60.0, "memory": 1e9}
    about = {"flops_per_token": 7.7e9, "peak_flops": 989e12, "mfu": 0.41}
    line = comparison({"planned": same, "measured": {**same, **about}})
    assert line.endswith("; MFU 41.0% of 989 TFLOP/s at 7.7 GFLOPs a token")
    assert "MFU" not in comparison({"planned": same, "measured": {**same, "flops_per_token": 7.7e9}})
