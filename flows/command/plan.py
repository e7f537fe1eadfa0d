"""Prints what a recipe will take; ``--write`` puts the tokens that the budget allows into its file."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import UserError
from domain.machine import Machine
from flows.command.plan_text import lines
from flows.recipe.edit import writable, write_values
from flows.recipe.planned import plan_of
from flows.recipe.recipe import load_recipe


def print_plan(name: str, overrides: Sequence[str], machine: Machine, *, write: bool) -> None:
    """Print the plan of a recipe; raises ``UserError`` where its numbers do not work out."""
    recipe = load_recipe(name, overrides)
    if write:
        writable(name)
        if recipe.budget is None:
            raise UserError("budget", "is not set, so no tokens follow from it", "add budget: {gpus: 1, hours: 8}")
    plan = plan_of(recipe, machine, derive=write)
    for what, text in lines(recipe, machine, plan):
        print(f"{what:11} {text}")
    tokens = plan.tokens["adapted"]
    if write:
        print(f"\nWrote training.tokens: {tokens} into {write_values(name, {'training.tokens': tokens})}.")
    elif plan.derived:
        print(f"\nTo run it: shoptalk plan {name} --write puts training.tokens: {tokens} into it.")
