"""The stage that tunes: what it learns, interrupted, on two processes, in every family that writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import seal
from domain.model.build import build, load, save
from domain.model.spec import Scratch
from domain.settings.learning import Lora
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.training.state.export import export
from domain.training.trainer import Trainer
from domain.training.tune import Tuning, tune
from tests.domain.model import tiny
from tests.domain.training.instruction.orders import WORDS, orders, read, written

ROOT = Path(__file__).parents[3]
CPU = Machine(device="cpu", precision="fp32", threads=1)


def sealed(folder: Path, model: Any, tokenizer: Path) -> Any:
    """A checkpoint as of a training."""
    save(model, tokenizer, folder)
    seal(folder, identity="hand", stage="pretrain", version=1, kind="Checkpoint", spec={}, parents={}, facts={})
    return Checkpoint.open(folder)


@pytest.fixture(scope="module")
def adapted(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("adapted") / "adapted"
    return sealed(folder, build(Scratch(width=48, layers=2, heads=4, context=64), tokenizer.path, 0), tokenizer.path)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    path = orders(tmp_path_factory.mktemp("orders") / "o.jsonl")
    held = {"share": 0.1, "every": 4}
    return Tuning(path=str(path), batch=256, epochs=2, learning_rate=1e-2, validation=held)


@pytest.fixture(scope="module")
def tuned(spec: Tuning, adapted: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tune(spec, adapted=adapted, out=tmp_path_factory.mktemp("tuned") / "tuned", machine=CPU)


def points(checkpoint: Any) -> list[dict[str, float]]:
    return [json.loads(line) for line in (checkpoint.path / "training.jsonl").read_text().splitlines()]


def test_it_learns_answers_and_looks_at_others(tuned: Any, adapted: Any) -> None:
    series = points(tuned)
    assert series[-1]["loss"] < series[0]["loss"] / 2
    looks = [point["validation_answers"] for point in series if "validation_answers" in point]
    assert len(looks) == len({*range(4, len(series), 4), len(series)})
    assert looks[-1] < looks[0]
    assert tuned.facts["validation_answers"] == looks[-1]
    facts = {key: tuned.facts[key] for key in ("family", "examples", "held_out", "too_long", "template", "context")}
    told = {"examples": 54, "held_out": 6, "too_long": 0, "template": "plain", "context": 64}
    assert facts == {"family": "decoder", **told}
    speaker = load_tokenizer(tuned.path)
    assert tuned.facts["ends"] == [speaker.eos_token_id]
    assert tuned.facts["tokens"] == series[-1]["tokens"]
    assert 2 <= tuned.facts["epochs"] < 2.5


def test_the_loss_before_it_learns_is_that_of_transformers(spec: Tuning, adapted: Any, tmp_path: Path) -> None:
    """One batch of all examples, each alone in plain transformers by the layout that the release keeps."""
    path = orders(tmp_path / "o.jsonl", 6)
    made = tune(
        Tuning(path=str(path), batch=1_024, epochs=1, validation={"share": 0.0}),
        adapted=adapted,
        out=tmp_path / "t",
        machine=CPU,
    )
    speaker, model, nats, count = load_tokenizer(made.path), load(adapted.path), 0.0, 0
    for _, (user, answer) in read(path):
        asked = speaker.apply_chat_template([user], add_generation_prompt=True, return_dict=True)["input_ids"]
        whole = [*asked, *speaker(answer["content"], add_special_tokens=False)["input_ids"], speaker.eos_token_id]
        labels = torch.tensor([[*[-100] * len(asked), *whole[len(asked) :]]])
        nats += float(model(input_ids=torch.tensor([whole]), labels=labels).loss.detach()) * (len(whole) - len(asked))
        count += len(whole) - len(asked)
    (point,) = points(made)
    assert point["tokens"] == count
    assert point["loss"] == pytest.approx(nats / count, rel=1e-4)


class Stop(Exception):
    """Stands for a crash."""


@pytest.mark.parametrize("lora", [None, pytest.param(Lora(rank=2), marks=pytest.mark.soak)])
def test_interrupted_it_ends_with_the_same_bits(
    spec: Tuning, adapted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: Lora | None
) -> None:
    asked = spec.replace(lora=lora)
    undisturbed = tune(asked, adapted=adapted, out=tmp_path / "undisturbed", machine=CPU)
    gradients, calls = Trainer.gradients, 0

    def crashing(self: Trainer, batch: Any, valid: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls in (3, 8):
            self.checkpoints.finish()
            raise Stop
        return gradients(self, batch, valid)

    monkeypatch.setattr(Trainer, "gradients", crashing)
    often, out = CPU.replace(checkpoint_seconds=1e-6), tmp_path / "tuned"
    for _ in range(2):
        with pytest.raises(Stop):
            tune(asked, adapted=adapted, out=out, machine=often)
    assert export(out, tmp_path / "between") == 6
    assert load_tokenizer(tmp_path / "between").chat_template  # what is exported is asked in the same way
    assert tune(asked, adapted=adapted, out=out, machine=often).digest == undisturbed.digest
    assert calls == len(points(undisturbed)) + 2


def test_low_rank_updates_are_merged(spec: Tuning, adapted: Any, tmp_path: Path) -> None:
    made = tune(
        spec.replace(lora=Lora(rank=2, targets=("q_proj",))), adapted=adapted, out=tmp_path / "tuned", machine=CPU
    )
    before, after = load(adapted.path).state_dict(), load(made.path).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"model.layers.{n}.self_attn.q_proj.weight" for n in (0, 1)}
    with pytest.raises(UserError, match=r"instruction_tuning\.lora\.targets: query: no matrix"):
        tune(spec.replace(lora=Lora(targets=("query",))), adapted=adapted, out=tmp_path / "no", machine=CPU)


def test_what_does_not_fit_is_left_out_and_told(adapted: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = {"instruction": "Say it.", "label": "norm " * 90}
    path = orders(tmp_path / "o.jsonl", 6)
    path.write_text(path.read_text() + json.dumps(long) + "\n")
    made = tune(Tuning(path=str(path), batch=64, epochs=1), adapted=adapted, out=tmp_path / "tuned", machine=CPU)
    told = "tune: 1 of 7 examples do not fit into 64 tokens and are left out, for example o.jsonl:7"
    assert told in caplog.text
    assert (made.facts["examples"], made.facts["too_long"]) == (6, 1)
    written(path, long, {**long, "label": "norm " * 80})
    with pytest.raises(UserError, match=r"o\.jsonl:2: is the shortest example and has \d+ tokens, but a row has 64"):
        tune(Tuning(path=str(path), batch=64), adapted=adapted, out=tmp_path / "none", machine=CPU)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [({"context": 128}, "the model takes at most 64"), ({"batch": 32}, "fewer than one row of 64")],
)
def test_tunings_that_cannot_be(spec: Tuning, adapted: Any, tmp_path: Path, wrong: Any, found: str) -> None:
    with pytest.raises(UserError, match=found):
        tune(spec.replace(**wrong), adapted=adapted, out=tmp_path / "tuned", machine=CPU)


def test_an_encoder_does_not_follow_orders(spec: Tuning, tmp_path: Path) -> None:
    folder = tiny.trained(tmp_path / "tokenizer", "masked")
    model = build(Scratch(architecture="bert", width=32, layers=1, heads=2, context=64), folder, 0)
    with pytest.raises(UserError, match=r"an encoder does not follow instructions\. Fix: use it to classify or tag"):
        tune(spec, adapted=sealed(tmp_path / "bert", model, folder), out=tmp_path / "tuned", machine=CPU)


@pytest.mark.parametrize(("kind", "objective"), [("t5", "span"), ("bart", "denoising")])
def test_an_encoder_decoder_reads_the_order_and_writes_the_answer(
    spec: Tuning, tmp_path: Path, kind: Any, objective: str
) -> None:
    from transformers import AutoModelForSeq2SeqLM

    folder = tiny.trained(tmp_path / "tokenizer", objective)
    model = build(Scratch(architecture=kind, width=48, layers=1, heads=4, context=64), folder, 0)
    made = tune(
        spec.replace(epochs=12, learning_rate=2e-2),
        adapted=sealed(tmp_path / kind, model, folder),
        out=tmp_path / "t",
        machine=CPU,
    )
    assert points(made)[-1]["loss"] < points(made)[0]["loss"] / 3
    assert made.facts["packing"]["kind"] == ("best_fit" if kind == "t5" else "separate")
    speaker, opened = load_tokenizer(made.path), AutoModelForSeq2SeqLM.from_pretrained(made.path)
    _, (user, _) = read(Path(spec.path))[0]
    given = speaker.apply_chat_template([user], add_generation_prompt=True, return_dict=True, return_tensors="pt")
    spoken = opened.generate(**given, max_new_tokens=12, do_sample=False)[0, 1:]
    assert speaker.decode(spoken, skip_special_tokens=True) in WORDS
    assert spoken[-1] == speaker.eos_token_id  # and it ends there


@pytest.mark.soak
def test_two_processes_tune_as_one(spec: Tuning, adapted: Any, tuned: Any, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from domain.artifacts import Checkpoint\n"
        "from domain.machine import Machine\n"
        "from domain.training.tune import Tuning, tune\n"
        "spec, base, out, machine = sys.argv[1:]\n"
        "tune.run(Tuning.model_validate_json(spec), Checkpoint.open(Path(base)), out=Path(out),\n"
        "         machine=Machine.model_validate_json(machine))\n"
    )
    (tmp_path / "two.py").write_text(code)
    out = tmp_path / "out"
    out.mkdir()
    told = [spec.replace(lora=Lora(rank=2)).model_dump_json(), str(adapted.path), str(out), CPU.model_dump_json()]
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(tmp_path / "two.py"), *told]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-3000:]
    one = tune(spec.replace(lora=Lora(rank=2)), adapted=adapted, out=tmp_path / "one", machine=CPU)
    losses = [[json.loads(line)["loss"] for line in (folder / "training.jsonl").open()] for folder in (out, one.path)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    here, there = load(one.path).state_dict(), load(out).state_dict()
    assert here.keys() == there.keys()
    for name, weight in here.items():
        torch.testing.assert_close(there[name], weight, atol=2e-3, rtol=1e-3)
