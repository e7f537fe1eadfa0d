"""What a grid of pilots costs, by hand, and that its runs share what they can."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import UserError
from domain.training.schedule import decay_begins, warmup_steps
from flows.pilots.grid import longest_run, runs, spent
from flows.recipe.recipe import load_recipe


def test_a_run_goes_on_from_where_the_shorter_one_began_to_decay() -> None:
    # 10, 20 and 40 steps decay over the last 2, 4 and 8: 10 + (20 - 8) + (40 - 16)
    assert spent(40) == 46
    assert spent(4) == 1 + 2 + (4 - 1)  # one step has no trunk; two leave one behind


def test_all_runs_keep_within_the_budget(make_recipe: Any) -> None:
    training = {"tokens": "10M", "batch": 512, "learning_rate": 6.0e-3}
    recipe = load_recipe(str(make_recipe(training=training)))
    asked = runs(recipe)
    assert len(asked) == len(dict(asked)) == 27  # 3 shares, 3 rates, 3 lengths
    assert {spec.learning_rate for _, spec in asked} == {2e-3, 6e-3, 1.8e-2}
    assert {spec.mixture.domain for _, spec in asked} == {0.5, 0.7, 0.9}
    longest = longest_run(recipe)
    steps = [spec.tokens // 512 for _, spec in asked[:3]]
    assert steps == [longest // 4, longest // 2, longest]
    assert 0.04 < 9 * spent(longest) * 512 / 10_000_000 <= 0.05 < 9 * spent(longest + 1) * 512 / 10_000_000
    for _, spec in asked:
        count = spec.tokens // 512
        assert warmup_steps(spec, count) == -(-steps[0] // 10)
        assert decay_begins(spec, count) == count - round(0.2 * count)
        assert spec.spikes.anchor > count  # no state is kept that nothing goes back to


def test_new_rows_learn_alone_for_the_same_steps_in_each_run(make_recipe: Any) -> None:
    training = {"tokens": "50M", "batch": 512, "embedding_warmup": 0.02}
    recipe = load_recipe(str(make_recipe(training=training, pilot={"domain": [0.7], "rates": [0.01]})))
    alone = {int(spec.embedding_warmup * (spec.tokens // 512)) for _, spec in runs(recipe)}
    assert len(alone) == 1
    assert alone.pop() > 10


@pytest.mark.parametrize("budget", [0.05, 0.2])
def test_the_least_budget_is_named_and_is_enough(make_recipe: Any, budget: float) -> None:
    training = {"tokens": 100_000, "batch": 512, "learning_rate": 6.0e-3}
    recipe = load_recipe(str(make_recipe(training=training, pilot={"budget": budget})))
    with pytest.raises(UserError) as refused:
        longest_run(recipe)
    # 9 arms of 6 steps of 512 tokens
    assert "set it to 0.277 at least" in str(refused.value)
    assert longest_run(load_recipe(str(make_recipe(training=training, pilot={"budget": 0.277})))) == 4


def test_no_budget_is_enough_where_there_are_too_many_arms(make_recipe: Any) -> None:
    recipe = load_recipe(str(make_recipe(training={"tokens": 8_192, "batch": 512})))
    with pytest.raises(UserError, match="train on more tokens, or try fewer arms"):
        longest_run(recipe)


@pytest.mark.parametrize("share", [0, 1, 1.2])
def test_a_pilot_mixes_both_parts(make_recipe: Any, command: Any, share: float) -> None:
    answer = command.ask("pilot", make_recipe(pilot={"domain": [0.5, share]}), *command.machine)
    command.refused(answer, "pilot.domain.1", str(share), "name shares between 0 and 1")


def test_nothing_to_pilot_for(make_recipe: Any, command: Any) -> None:
    command.refused(command.ask("pilot", make_recipe(training={"batch": 512})), "training.tokens", "is not set")
    phases = [{"until": 0.5, "domain": 0.2, "general": 0.8}, {"until": 1, "domain": 0.9, "general": 0.1}]
    changing = make_recipe(training={"tokens": "10M", "mixture": {"phases": phases}})
    command.refused(command.ask("pilot", changing), "training.mixture.phases", "leave them out")


def test_a_shipped_recipe_is_not_written_to(command: Any) -> None:
    answer = command.ask("pilot", "quickstart", "--write", "--set", "pilot.budget=1", *command.machine)
    command.refused(answer, "ships with Shoptalk")


def test_what_cannot_be_written_is_said_before_anything_is_run(make_recipe: Any, command: Any, tmp_path: Any) -> None:
    path = make_recipe(pilot={"budget": 1.0, "domain": [0.5], "rates": [0.01]})
    path.chmod(0o444)
    asked = ("pilot", path, "--write", "--work", tmp_path / "work", *command.machine)
    command.refused(command.ask(*asked), "is read-only")
    assert not (tmp_path / "work" / "artifacts").exists()


def test_a_single_arm_is_named_as_one(make_recipe: Any) -> None:
    recipe = load_recipe(str(make_recipe(pilot={"budget": 0.01, "domain": [0.5], "rates": [0.01]})))
    with pytest.raises(UserError, match=r"in each run of 1 arm\. Fix: set it to 0\.375 at least"):
        longest_run(recipe)  # 6 steps of 512 of 8,192 tokens
