"""What a tuning is planned to take, by hand: examples of known bytes, in rows of known length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.cost.device import Device
from domain.cost.shape import shape_of
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.planning.plan import make_plan
from domain.planning.speed import Speed
from domain.planning.tuning import AROUND, count_examples, expect_tuning
from domain.settings.learning import Learning, Lora, Training, Validation
from domain.tokenizer.fit import Fitting
from domain.training.tune import Tuning

CPU = Device(gpu=False, name="cpu", memory=None, bf16=False)
SPEED = Speed(flops_per_second=1e9, memory_factor=1.0, source="")
LLAMA = Scratch(width=32, layers=2, heads=2, context=64)


def shape(architecture: Any = "llama") -> Any:
    return shape_of(Base(scratch=LLAMA.replace(architecture=architecture), tokens=1), 512)


@pytest.fixture
def spec(tmp_path: Path) -> Tuning:
    """40 orders of 20 + 10 tokens, and one that is too long: 80 + 10."""
    path = tmp_path / "orders.jsonl"
    asked, long = "a" * 4 * (20 - AROUND), "a" * 4 * (80 - AROUND)
    lines = [{"instruction": text, "label": "b" * 4 * (10 - AROUND)} for text in [*40 * [asked], long]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Tuning(path=str(path), batch=256, epochs=3, validation={"share": 0.1, "every": 4, "bytes": 10**6})


def test_examples_share_rows(spec: Tuning) -> None:
    found = count_examples(shape(), spec)
    assert (found.count, found.longer, found.tokens) == (40, 1, 30)
    # two of 30 in a row of 64 + 1: 20 rows, of which 18 are learned from, 4 at a time, three times over
    assert (found.rows, found.steps, found.scored_rows) == (4, 14, pytest.approx(2))
    assert found.row.written == found.row.raw == 64
    assert (found.row.read, found.row.predicted) == (0, 20)  # two answers


def test_one_example_a_row(spec: Tuning) -> None:
    for found in (count_examples(shape(), spec.replace(packing="separate")), count_examples(shape("bloom"), spec)):
        assert (found.rows, found.steps) == (4, 27)  # 36 rows three times
        assert found.row.raw == 30
        assert found.row.predicted == 10


def test_an_encoder_decoder_reads_and_writes(spec: Tuning) -> None:
    found = count_examples(shape("t5"), spec)
    # the longer side counts: three of 20 in 64, so 14 rows of at most 60 + 30
    assert (found.count, found.tokens) == (40, 20)
    assert (found.row.raw, found.row.read, found.row.written) == (64, 64, 32)
    assert found.row.predicted == pytest.approx(400 / 14)
    assert found.steps == 10  # 13 of the rows three times, 4 at once


def test_every_answer_of_a_conversation_counts(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    text = "a" * 4 * (8 - AROUND)
    turns = [{"role": role, "content": text} for role in ("system", "user", "assistant", "user", "assistant")]
    path.write_text(json.dumps({"messages": turns}) + "\n")
    spec = Tuning(path=str(path), batch=64)
    decoder, pair = count_examples(shape(), spec), count_examples(shape("t5"), spec)
    assert (decoder.count, decoder.tokens, decoder.row.predicted) == (1, 40, 16)
    assert (pair.count, pair.tokens) == (2, (16 + 32) / 2)  # the second reads the first
    assert pair.row.predicted == 16


def test_time_memory_and_looks(spec: Tuning, tmp_path: Path) -> None:
    machine, found = Machine(work=tmp_path), count_examples(shape(), spec)
    expected = expect_tuning(shape(), spec, found, CPU, machine, SPEED)
    assert expected.tokens == 14 * 4 * 64
    body = shape().parameters - shape().head
    each = 6 * body + 6 * shape().head * 20 / 64 + 12 * 2 * 32 * 64
    assert expected.flops == pytest.approx(expected.tokens * each)
    assert expected.seconds == pytest.approx(expected.flops / 1e9)
    # before the first step and after 4, 8, 12 and 14: five looks at two rows, forward alone
    assert expected.validation_seconds == pytest.approx(5 * 2 * 64 * each / 3 / 1e9)
    assert (
        expect_tuning(shape(), spec.replace(validation={"every": 0}), found, CPU, machine, SPEED).validation_seconds
        == 0
    )
    low = expect_tuning(shape(), spec.replace(lora=Lora(rank=2)), found, CPU, machine, SPEED)
    assert low.memory.parts["optimizer"] < expected.memory.parts["optimizer"] / 4
    assert low.done < expected.done


def test_a_plan_pays_for_it_from_the_budget(spec: Tuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.speed.guessed_rate", lambda device: (1e9, "by hand"))
    blind = {"batch": 1_024, "validation": Validation(every=0)}
    base = Base(scratch=LLAMA, tokens=100_000, learning=Learning(**blind))
    machine = Machine(device="cpu", precision="fp32", work=tmp_path)
    asked = (base, Fitting(vocab_size=512), Training(**blind), machine, 60.0)
    plain, tuned = make_plan(*asked), make_plan(*asked, tuning=spec)
    assert list(tuned.trainings) == ["base", "adapted", "control", "tuning"]
    assert plain.seconds == pytest.approx(tuned.seconds, rel=0.01)
    assert plain.tokens["adapted"] > tuned.tokens["adapted"]
    assert tuned.disk["models"] - plain.disk["models"] == 4 * tuned.shape.parameters
    assert plain.examples is None


def test_what_cannot_be_is_told_as_tuning_would(spec: Tuning) -> None:
    with pytest.raises(UserError, match="the model takes at most 64"):
        count_examples(shape(), spec.replace(context=128))
    with pytest.raises(UserError, match="fewer than one row of 64"):
        count_examples(shape(), spec.replace(batch=32))
    with pytest.raises(
        UserError, match=r"instruction_tuning\.context: is 16 tokens, but the shortest example has about 30"
    ):
        count_examples(shape(), spec.replace(context=16))
