"""Prints what a recipe will take; ``--write`` puts the tokens that the budget allows into its file."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import Refusal
from domain.machine import Machine
from domain.model.confirm import confirmed
from domain.planning.plan import Plan, make_plan
from evals.evaluate import PARTS
from flows.edit import writable, write_values
from flows.figures import lines
from flows.recipe import Recipe, load_recipe


def print_plan(name: str, overrides: Sequence[str], machine: Machine, *, write: bool) -> None:
    """Print the plan of a recipe; raises ``Refusal`` where its numbers do not work out."""
    recipe = load_recipe(name, overrides)
    if write:
        writable(name)
        if recipe.budget is None:
            raise Refusal("budget", "is not set, so no tokens follow from it", "add budget: {gpus: 1, hours: 8}")
    plan = plan_of(recipe, machine, derive=write)
    for what, text in lines(recipe, machine, plan):
        print(f"{what:11} {text}")
    tokens = plan.tokens["adapted"]
    if write:
        print(f"\nWrote training.tokens: {tokens} into {write_values(name, {'training.tokens': tokens})}.")
    elif plan.derived:
        print(f"\nTo run it: shoptalk plan {name} --write puts training.tokens: {tokens} into it.")


def plan_of(recipe: Recipe, machine: Machine, *, derive: bool = False) -> Plan:
    """The plan of a recipe; with ``derive`` its tokens are those that the budget pays for, whatever it states."""
    confirmed(recipe.base)
    budget = recipe.budget.gpus * recipe.budget.hours * 3600 if recipe.budget else None
    training = recipe.training.but(tokens=None) if derive else recipe.training
    # Three pilots say whether an extended tokenizer is worth its price.
    pilots = 3 * recipe.pilot.share if recipe.tokenizer.mode == "extend" else 0.0
    scored = len(PARTS) * recipe.evaluation.bytes
    return make_plan(recipe.base, recipe.fitting, training, machine, budget, scored, pilots, recipe.tuning)
