"""Every recipe that ships validates and plans."""

from __future__ import annotations

import pytest

from domain.machine import Machine
from domain.planning.plan import make_plan
from flows.recipe.recipe import load_recipe, shipped


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_recipe_validates_and_plans(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    plan = make_plan(recipe.base, recipe.fitting, recipe.training, Machine(device="cpu"), None)
    assert plan.flops > 6 * plan.shape.parameters * plan.tokens["adapted"] * 2
    assert plan.seconds > 0
