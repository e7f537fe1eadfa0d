"""Show what a recipe will take, before anything is spent."""

from __future__ import annotations

import argparse
from shlex import quote

from flows.command.options import add_machine, add_recipe, machine_of, recipe_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_recipe(command)
    what = command.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write the tokens that the budget allows to the recipe")
    what.add_argument("--until", choices=["curate", "release"], default="release", help="curate: what filters drop")
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Print the plan; with ``--write`` put the derived tokens into the recipe."""
    from domain.errors import UserError
    from flows.recipe.edit import writable, write_values
    from flows.recipe.plan_text import curation_lines, lines
    from flows.recipe.planned import plan_of
    from flows.recipe.recipe import load_recipe

    machine = machine_of(options)
    name = recipe_of(options, machine)
    recipe = load_recipe(name, options.set, machine)
    if options.until == "curate":
        for what, text in curation_lines(recipe, machine):
            print(f"{what:11} {text}")
        return 0
    if options.write:
        writable(name)
        if recipe.budget is None:
            raise UserError("budget", "is not set, so no tokens follow from it", "add budget: {gpus: 1, hours: 8}")
    plan = plan_of(recipe, machine, derive=options.write)
    for what, text in lines(recipe, machine, plan):
        print(f"{what:11} {text}")
    tokens = plan.tokens["adapted"]
    if options.write:
        print(f"\nWrote training.tokens: {tokens} to {write_values(name, {'training.tokens': tokens})}.")
    elif plan.derived:
        print(f"\nTo apply it: shoptalk plan {quote(name)} --write sets training.tokens: {tokens}.")
    return 0
