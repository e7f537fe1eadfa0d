"""A recipe with orders: what is amiss is told before anything is spent, and the release is the tuned model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Checkpoint, Release

pytestmark = pytest.mark.usefixtures("without_engine")
TUNING = {"path": "orders.jsonl", "batch": 256, "learning_rate": 1e-2}


@pytest.fixture
def run(make_recipe: Any, finished: Path, command: Any) -> Any:
    """The command on a finished work folder, with orders beside the recipe."""

    def call(*lines: str, **tuning: Any) -> Any:
        recipe = make_recipe(instruction_tuning={**TUNING, **tuning})
        recipe.with_name("orders.jsonl").write_text("".join(f"{line}\n" for line in lines))
        place = ("--work", finished, "--tracking", "none", *command.machine)
        return command.ask("run", recipe, "--as-of", command.day, *place)

    return call


def test_the_release_is_the_tuned_model(run: Any, finished: Path, command: Any) -> None:
    (before,) = (finished / "artifacts" / "release").iterdir()
    orders = [json.dumps({"instruction": f"Name clause {n}.", "label": "lien"}) for n in range(40)]
    answer = run(*orders)
    assert answer.code == 0, answer.err
    out = command.plain(answer.out)
    assert "adapted: cached" in out  # what came before knows nothing of orders
    assert "decide: cached" in out
    assert "tune: done in" in out
    (folder,) = (finished / "artifacts" / "tune").iterdir()
    tuned = Checkpoint.open(folder)
    (path,) = {*(finished / "artifacts" / "release").iterdir()} - {before}
    release = Release.open(path)
    assert release.manifest["parents"]["tuned"] == {
        "kind": "Checkpoint",
        "identity": tuned.identity,
        "digest": tuned.digest,
    }
    assert "then tuned to follow instructions" in (path / "README.md").read_text()
    lineage = json.loads((path / "lineage.json").read_text())
    assert lineage["recipe"]["instruction_tuning"]["path"] == "orders.jsonl"
    assert lineage["digests"]["tuned"] == tuned.digest
    assert "Nothing to do" in command.plain(run(*orders).out)


@pytest.mark.parametrize(
    ("lines", "tuning", "words"),
    [
        (['{"instruction": "a", "label": "b"}', '{"instruction": "a"}'], {}, ("orders.jsonl:2", "has no label")),
        ([], {}, ("orders.jsonl", "is empty")),
        (["{}"], {"path": "none.jsonl"}, ("none.jsonl", "cannot be read (No such file")),
    ],
)
def test_orders_are_looked_at_before_anything_is_made(
    run: Any, command: Any, finished: Path, lines: list[str], tuning: Any, words: tuple[str, ...]
) -> None:
    answer = run(*lines, **tuning)
    command.refused(answer, *words)
    assert "cached" not in answer.out
    assert not (finished / "artifacts" / "tune").exists()


def test_orders_that_hold_what_the_evals_ask_end_the_run_as_it_begins(
    make_recipe: Any, command: Any, tmp_path: Path
) -> None:
    recipe = make_recipe(instruction_tuning=TUNING, evaluation={"domain": ["rent.yaml"]})
    items = [
        {"question": "Who of the two pays for a broken window?", "choices": ["The tenant.", "Nobody."], "answer": 0}
    ]
    task = {"name": "rent", "description": "Rent.", "licence": "mit", "source": "written here", "items": items}
    recipe.with_name("rent.yaml").write_text(json.dumps({**task, "kind": "multiple_choice"}))
    orders = [{"instruction": "Say yes.", "label": "Yes."}, {"instruction": items[0]["question"], "label": "Nobody."}]
    recipe.with_name("orders.jsonl").write_text("".join(f"{json.dumps(order)}\n" for order in orders))
    place = ("--work", tmp_path / "work", "--tracking", "none", *command.machine)
    answer = command.ask("run", recipe, "--as-of", command.day, *place)
    command.refused(answer, "instruction_tuning.path: 1 of 2 orders", "orders.jsonl:2 (rent)")
    assert [path.name for path in (tmp_path / "work" / "artifacts").iterdir()] == ["protect"]
