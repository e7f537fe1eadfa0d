"""A release of each family: its card opens it by the right class and asks it as it learned, and those lines run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from domain.artifacts import Checkpoint
from domain.inference.generate import generate
from domain.machine import Machine
from domain.model.build import build, save
from domain.model.spec import Scratch
from domain.release.bundle import ReleaseSpec, release
from domain.release.usage import USAGE
from domain.tokenizer.encoding.texts import load_tokenizer
from tests.domain.model import tiny
from tests.domain.release.conftest import sealed

CPU = Machine(device="cpu", precision="fp32", threads=1)
SPEC = ReleaseSpec(name="filings", licence="apache-2.0", recipe={"name": "filings"})


@pytest.mark.parametrize(
    ("kind", "objective", "opener", "task", "words"),
    [
        ("llama", "causal", "AutoModelForCausalLM", "text-generation", "It predicts text. It was not tuned"),
        ("bert", "masked", "AutoModelForMaskedLM", "fill-mask", "It does not generate text"),
        ("t5", "span", "AutoModelForSeq2SeqLM", "text-generation", "missing spans of a text. It was not tuned"),
        ("bart", "denoising", "AutoModelForSeq2SeqLM", "text-generation", "from a corrupted one. It was not tuned"),
    ],
)
def test_each_family_is_opened_and_asked_by_its_card(
    parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: Any, objective: str, opener: str, task: str, words: str,
) -> None:  # fmt: skip
    given, folder = parts(tmp_path), tiny.trained(tmp_path / "tokenizer", objective)
    model = build(Scratch(architecture=kind, width=32, layers=1, heads=2, context=64), folder, 0)
    save(model, folder, tmp_path / kind)
    before = given["adapted"]
    asked = {**before.manifest["spec"], "objective": {"kind": objective}}
    adapted = sealed(Checkpoint, tmp_path / kind, stage="pretrain", facts=before.facts, spec=asked)
    made = release(SPEC, **{**given, "adapted": adapted}, out=tmp_path / "release")
    assert made.facts["tuned"] is False
    if objective != "causal":
        filled = generate(made.path, made.facts["prompt"], max_tokens=3, temperature=0, machine=CPU)
        assert "mask" not in filled  # it was asked as it learned: a mask was there to be filled
    card = (made.path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    assert {usage.opener for usage in USAGE.values() if usage.opener in card} == {opener}
    assert words in " ".join(card.split())
    assert ("do not compare with those of a decoder" in card) is (objective != "causal")
    assert ModelCard.load(made.path / "README.md").data.pipeline_tag == task
    monkeypatch.chdir(made.path)
    names: dict[str, Any] = {}
    capsys.readouterr()
    exec(code, names)
    assert type(names["model"]).__name__.startswith(type(model).__name__)
    assert capsys.readouterr().out.strip()
    config = made.path / "generation_config.json"
    assert config.is_file() is (kind != "bert")  # an encoder speaks nothing
    if kind != "bert":
        unheard = range(len(load_tokenizer(made.path)), model.get_input_embeddings().num_embeddings)
        assert len(unheard)
        assert json.loads(config.read_text())["suppress_tokens"] == list(unheard)
