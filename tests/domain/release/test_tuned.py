"""A release that was tuned: its files, what its card says and does not say any more, how it is asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.inference.generate import generate
from domain.machine import Machine
from domain.model.build import build, load, save
from domain.model.spec import Scratch
from domain.release.bundle import ReleaseSpec, release
from domain.settings.learning import Lora
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.training.tune import Tuning, tune
from tests.domain.model import tiny
from tests.domain.release.conftest import sealed
from tests.domain.training.instruction.orders import orders

CPU = Machine(device="cpu", precision="fp32", threads=1)
SPEC = ReleaseSpec(name="filings", licence="apache-2.0", recipe={"name": "filings"})


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    path = orders(tmp_path_factory.mktemp("orders") / "o.jsonl", 40)
    return Tuning(path=str(path), batch=512, learning_rate=2e-3, lora=Lora(rank=4))


@pytest.fixture(scope="module")
def made(spec: Tuning, parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(Release, what it was made from, the tuned checkpoint)."""
    folder = tmp_path_factory.mktemp("tuned")
    given = parts(folder)
    tuned = tune(spec, adapted=given["adapted"], out=folder / "tuned", machine=CPU)
    return release(SPEC, **given, tuned=tuned, out=folder / "release"), given, tuned


@pytest.fixture(scope="module")
def card(made: Any) -> str:
    return str((made[0].path / "README.md").read_text(encoding="utf-8"))


def test_it_holds_the_tuned_model_and_the_template_it_is_asked_by(made: Any) -> None:
    released, given, tuned = made
    ids = torch.arange(20)[None]
    opened = load(released.path)(ids).logits
    assert torch.equal(opened, load(tuned.path)(ids).logits)
    assert not torch.equal(opened, load(given["adapted"].path)(ids).logits)
    assert load_tokenizer(released.path).chat_template == load_tokenizer(tuned.path).chat_template
    answer = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=released.path, capture_output=True)
    assert answer.returncode == 0, answer.stdout
    assert "chat_template.jinja" in (released.path / "SHA256SUMS").read_text()
    assert released.facts["prompt"] == tuned.facts["prompt"]
    assert re.match(r"Twice, \d+\?", tuned.facts["prompt"])  # a question of its own examples


def test_the_lineage_leads_to_the_orders_and_not_to_their_path(made: Any, spec: Tuning) -> None:
    released, given, tuned = made
    lineage = json.loads((released.path / "lineage.json").read_text())
    assert lineage["digests"]["tuned"] == tuned.digest
    assert lineage["artifacts"]["tuned"]["spec"]["orders"] == spec.digest()
    assert lineage["artifacts"]["tuned"]["parents"]["adapted"]["digest"] == given["adapted"].digest
    folder = str(Path(spec.path).parent).encode()
    assert not [path for path in released.path.rglob("*") if folder in path.read_bytes()]
    assert released.identity != release(SPEC, **given, out=released.path.with_name("untuned")).identity


def test_the_card_says_that_it_was_tuned(made: Any, card: str) -> None:
    facts = made[2].facts
    assert "by continued pretraining, then tuned to follow instructions.\n" in card
    assert "- Tuned to follow instructions on 38 examples (2 more were held out), passes over them: " in card
    score = f"held-out answers {facts['validation_answers']:.3f} bits per byte.\n"
    assert f"by updates of rank 4 (LoRA), merged; loss at the end {facts['loss']:.3f} nats a token; {score}" in card
    assert "## Scores\n\nScores are of the model before tuning" in card
    assert "It was not tuned to follow instructions" not in card
    assert "- It was tuned to follow instructions on the examples stated above only" in card
    assert f"| tuned | `{made[2].digest}` |" in card
    assert "Following instructions similar to those that it was tuned on" in card
    header = ModelCard.load(made[0].path / "README.md").data
    assert header.eval_results is None  # they are another model's
    assert header.license == "apache-2.0"


def test_the_card_tells_how_to_ask_it_and_that_runs(made: Any, card: str) -> None:
    code = card.split("```python\n")[1].split("```")[0]
    answer = subprocess.run([sys.executable, "-c", code], cwd=made[0].path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "<|" not in answer.stdout  # the answer alone


def test_what_it_is_asked_goes_through_its_template(made: Any) -> None:
    released, given, tuned = made
    speaker, model, asked = load_tokenizer(released.path), load(released.path), "Twice, 3?\n\nnorm sparse norm"
    ids = speaker.apply_chat_template(
        [{"role": "user", "content": asked}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    spoken = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
    expected = speaker.decode(spoken, skip_special_tokens=True)
    told = {"max_tokens": 12, "temperature": 0.0, "machine": CPU}
    assert generate(released.path, asked, **told) == generate(tuned.path, asked, **told) == expected
    raw = generate(released.path, asked, chat=False, **told)
    assert raw.startswith(asked)
    assert raw[len(asked) :] != expected
    assert generate(given["adapted"].path, asked, **told).startswith(asked)  # it was not tuned
    with pytest.raises(
        UserError, match=r"--chat: the tokenizer of this model has no chat template\. Fix: leave it out"
    ):
        generate(given["adapted"].path, asked, chat=True, **told)
    with pytest.raises(UserError, match="the model takes at most 64"):
        generate(released.path, asked * 5, **told)


def test_a_mark_that_ends_answers_ends_what_it_says(
    parts: Any, spec: Tuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokenizer has turns with an end of their own, which is not the end of its texts."""
    given = parts(tmp_path)
    folder, before = tmp_path / "chatting", given["adapted"]
    tokenizer = load_tokenizer(before.path)
    turns = {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}
    tokenizer.add_special_tokens(turns)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    save(
        build(Scratch(width=32, layers=1, heads=2, context=64), tmp_path / "tokenizer", 0),
        tmp_path / "tokenizer",
        folder,
    )
    adapted = sealed(Checkpoint, folder, stage="pretrain", facts=before.facts, spec=before.manifest["spec"])
    tuned = tune(spec, adapted=adapted, out=tmp_path / "tuned", machine=CPU)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert (tuned.facts["template"], tuned.facts["ends"]) == ("own", [end])
    made = release(SPEC, **{**given, "adapted": adapted}, tuned=tuned, out=tmp_path / "release")
    said = json.loads((made.path / "generation_config.json").read_text())
    assert said["eos_token_id"] == sorted([tokenizer.eos_token_id, end])
    assert "in the tokenizer's own chat template" in (made.path / "README.md").read_text()
    stops = []
    monkeypatch.setattr(
        type(load(made.path)), "generate", lambda _, **asked: stops.append(asked["eos_token_id"]) or ids
    )
    ids = torch.tensor([[0]])
    for path, chat in ((made.path, None), (tuned.path, None), (made.path, False)):
        generate(path, "Twice?", chat=chat, machine=CPU)
    assert stops == [*2 * [sorted([tokenizer.eos_token_id, end])], [tokenizer.eos_token_id]]


@pytest.mark.parametrize(
    ("kind", "objective"), [("t5", "span"), pytest.param("bart", "denoising", marks=pytest.mark.soak)]
)
def test_an_encoder_decoder_is_asked_by_its_card(
    parts: Any, spec: Tuning, tmp_path: Path, kind: Any, objective: str
) -> None:
    given, folder = parts(tmp_path), tiny.trained(tmp_path / "tokenizer", objective)
    shape = Scratch(architecture=kind, width=32, layers=1, heads=2, context=64)
    save(build(shape, folder, 0), folder, tmp_path / kind)
    before = given["adapted"]
    asked = {**before.manifest["spec"], "objective": {"kind": objective}}
    adapted = sealed(Checkpoint, tmp_path / kind, stage="pretrain", facts=before.facts, spec=asked)
    tuned = tune(spec.replace(lora=None), adapted=adapted, out=tmp_path / "tuned", machine=CPU)
    made = release(SPEC, **{**given, "adapted": adapted}, tuned=tuned, out=tmp_path / "release")
    code = (made.path / "README.md").read_text().split("```python\n")[1].split("```")[0]
    begin = "assert output[0, 0] == model.config.decoder_start_token_id, output\n"
    answer = subprocess.run([sys.executable, "-c", code + begin], cwd=made.path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    speaker, opened = load_tokenizer(made.path), load(made.path)
    given = speaker.apply_chat_template([{"role": "user", "content": "Twice?"}], return_dict=True, return_tensors="pt")
    spoken = opened.generate(**given, max_new_tokens=12, do_sample=False)[0, 1:]
    expected = speaker.decode(spoken, skip_special_tokens=True)
    assert generate(made.path, "Twice?", max_tokens=12, temperature=0, machine=CPU) == expected
