"""Show the result of a recipe's last run."""

from __future__ import annotations

import argparse

from flows.command.options import add_machine, add_recipe, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_recipe(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Print the table, or all of the record as JSON."""
    from flows.recipe.recipe import load_recipe
    from flows.run.summary_table import print_json, print_table

    name = load_recipe(options.recipe, options.set).name
    (print_json if options.json else print_table)(machine_of(options).work, name)
    return 0
