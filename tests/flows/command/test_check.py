from __future__ import annotations

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


def test_a_recipe_s_sources_and_base(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    answer = command.ask("check", make_recipe(), "--work", tmp_path)
    assert "ok    domain text: domain, 1 files, " in answer.out
    assert "ok    base: llama of 1 layers and width 32, from scratch" in answer.out


def test_what_is_not_there_is_to_mend(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    path = make_recipe(base="org/model", tokenizer={"mode": "keep"}, evaluation={"domain": ["nonsense"]})
    path.write_text(path.read_text().replace("domain.jsonl", "nowhere.jsonl"))
    answer = command.ask("check", path, "--work", tmp_path)
    assert answer.code == 1
    amiss = [line for line in answer.out.splitlines() if line.startswith("FAIL")]
    assert len(amiss) == 3
    for line, word in zip(amiss, ("nowhere.jsonl", "names no revision", "no task nonsense"), strict=True):
        assert word in line


def test_orders_are_read(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    path = make_recipe(instruction_tuning={"path": "orders.jsonl"})
    lines = [f'{{"instruction": "{number}?", "label": "yes"}}\n' for number in range(3)]
    for content, told in (
        ("".join(lines), "ok    orders: "),
        ("".join([*lines, '{"instruction": "why?"}\n']), "FAIL  orders.jsonl:4: has no label (column label)"),
        ("", "FAIL  "),
    ):
        path.with_name("orders.jsonl").write_text(content)
        answer = command.ask("check", path, "--work", tmp_path)
        assert told in answer.out
        assert answer.code == (told[0] == "F")
    assert "holds no order" in answer.out


def test_a_broken_recipe_is_to_mend(make_recipe: Any, command: Any) -> None:
    answer = command.ask("check", make_recipe(name="A B"))
    assert answer.code == 1
    assert "contracts.yaml: name" in answer.out
