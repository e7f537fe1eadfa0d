from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import pytest

from flows.command.check import PACKAGES, owners


def test_the_four_names_are_ours() -> None:
    assert [good for good, _ in owners()] == [True] * len(PACKAGES)


def test_another_owner_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"evals": ["shoptalk", "evals-kit"]})
    amiss = [line for good, line in owners() if not good]
    assert len(amiss) == 1
    assert "evals also belongs to evals-kit" in amiss[0]


@pytest.fixture
def recipe_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what is checked of the machine: a disk that fills or a package being installed fails no recipe."""
    monkeypatch.setattr("flows.command.check.installation", lambda machine: ())


def test_the_machine_is_checked_before_the_recipe(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    lines = command.ask("check", make_recipe(), "--work", tmp_path).out.splitlines()
    (python,), (torch,), (room,), (recipe,) = (
        [number for number, line in enumerate(lines) if line[6:].startswith(begin) or end in line]
        for begin, end in (("Python 3.", "\n"), ("torch ", "\n"), ("\n", f"GB free for {tmp_path}"), ("recipe ", "\n"))
    )
    assert python < torch < room < recipe


@pytest.mark.usefixtures("recipe_alone")
def test_a_recipe_s_sources_and_base(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    answer = command.ask("check", make_recipe(), "--work", tmp_path)
    assert "ok    domain text: domain, 1 files, " in answer.out
    assert "ok    base: llama of 1 layers and width 32, from scratch" in answer.out


@pytest.mark.usefixtures("recipe_alone")
def test_what_is_not_there_is_to_mend(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    path = make_recipe(base="org/model", tokenizer={"mode": "keep"}, evaluation={"domain": ["nonsense"]})
    path.write_text(path.read_text().replace("domain.jsonl", "nowhere.jsonl"))
    answer = command.ask("check", path, "--work", tmp_path)
    assert answer.code == 1
    amiss = [line for line in answer.out.splitlines() if line.startswith("FAIL")]
    assert len(amiss) == 3
    for line, word in zip(amiss, ("nowhere.jsonl", "names no revision", "no task nonsense"), strict=True):
        assert word in line


def failures(answer: Any) -> list[str]:
    return [line for line in answer.out.splitlines() if line.startswith("FAIL")]


@pytest.mark.usefixtures("recipe_alone")
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("corpus.domain.0.text=body", ("FAIL  ", "no column body")),
        ("corpus.licences.allow=[apache-2.0]", ("corpus.licences.allow", "under mit")),
        ("training.learning_rate=3.0e4", ("training.learning_rate", "30000.0")),
        ("training.tokens=null", ("training.tokens: is not set, and no budget is",)),
        ("evaluation.domain=[fpb]", ("no task fpb",)),
    ],
)
def test_what_a_run_would_refuse_later(
    make_recipe: Any, command: Any, tmp_path: Any, override: str, words: tuple[str, ...]
) -> None:
    answer = command.ask("check", make_recipe(), "--set", override, "--work", tmp_path)
    assert answer.code == 1
    assert failures(answer)
    for line in failures(answer):
        assert all(word in line for word in words), line
    plan = command.ask("plan", make_recipe(), "--set", override, "--work", tmp_path, *command.machine)
    if "corpus" not in override:
        assert plan.code == 2


@pytest.mark.usefixtures("recipe_alone")
def test_a_device_that_is_not_there(
    make_recipe: Any, command: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    answer = command.ask("check", make_recipe(), "--device", "cuda", "--work", tmp_path)
    assert failures(answer) == [
        "FAIL  --device cuda: no CUDA device is available. Fix: use --device auto, or install CUDA's drivers."
    ]


@pytest.mark.usefixtures("recipe_alone")
@pytest.mark.parametrize(
    ("config", "objective", "fits"),
    [
        ({"model_type": "llama"}, "causal", True),
        ({"model_type": "llama"}, "masked", False),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "masked", True),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "span", False),
        ({"model_type": "t5", "is_encoder_decoder": True}, "span", True),
    ],
)
def test_the_objective_is_compared_with_the_base(
    make_recipe: Any, command: Any, tmp_path: Any, config: dict[str, Any], objective: str, fits: bool
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text(json.dumps(config))
    (base / "model.safetensors").write_bytes(b"\2" + b"\0" * 7 + b"{}")  # no tensors
    training = {"tokens": 8_192, "batch": 512, "learning_rate": 6.0e-3, "objective": objective}
    path = make_recipe(base=str(base), tokenizer={"mode": "keep"}, training=training)
    answer = command.ask("check", path, "--work", tmp_path / "work")
    amiss = [line for line in failures(answer) if "training.objective" in line]
    assert amiss == [] if fits else "and the base is of the family" in amiss[0]
    if not fits:
        for name in ("plan", "run"):
            answer = command.ask(name, path, "--work", tmp_path / "work", "--tracking", "none", *command.machine)
            command.refused(answer, "training.objective")
        assert command.whole(tmp_path / "work") == []


@pytest.mark.usefixtures("recipe_alone")
def test_five_records_of_a_source_are_read(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    answer = command.ask("check", make_recipe(), "--work", tmp_path)
    assert answer.code == 0, answer.out
    assert answer.out.count("; 5 of the first 5 records read") == 2


@pytest.mark.usefixtures("recipe_alone")
def test_orders_are_read(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    path = make_recipe(instruction_tuning={"path": "orders.jsonl"})
    lines = [f'{{"instruction": "{number}?", "label": "yes"}}\n' for number in range(3)]
    for content, told in (
        ("".join(lines), "ok    instruction examples: "),
        ("".join([*lines, '{"instruction": "why?"}\n']), "FAIL  orders.jsonl:4: has no label (column label)"),
        ("", "FAIL  "),
    ):
        path.with_name("orders.jsonl").write_text(content)
        answer = command.ask("check", path, "--work", tmp_path)
        assert told in answer.out
        assert answer.code == (told[0] == "F")
    assert "is empty" in answer.out


@pytest.mark.usefixtures("recipe_alone")
def test_a_broken_recipe_is_to_mend(make_recipe: Any, command: Any) -> None:
    answer = command.ask("check", make_recipe(name="A B"))
    assert answer.code == 1
    assert "contracts.yaml: name" in answer.out
