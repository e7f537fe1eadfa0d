"""Run a recipe to its release; finished stages are cached."""

from __future__ import annotations

import argparse

from flows.command.options import add_as_of, add_machine, add_recipe, machine_of, recipe_of
from flows.run.stages import STAGES

NOT_RELEASED = 3  # exit code of a run that ended well and whose gates did not pass


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_recipe(command)
    names = [name for name in STAGES if name not in ("grid_pilot", "choose")]
    command.add_argument("--until", choices=names, default="release", help="stop after this stage")
    add_as_of(command)
    add_machine(command)


def run(options: argparse.Namespace) -> int:
    """Run the recipe and print the final table."""
    from flows.releases.registry import newest_release
    from flows.run.record import RunRecord
    from flows.run.run import run_recipe
    from flows.run.summary_table import print_run

    machine = machine_of(options)
    recipe = recipe_of(options, machine)
    result = run_recipe(recipe, options.set, options.as_of, machine, options.until)
    run = RunRecord(machine.work, result.recipe).shown()
    print_run(result.recipe, run, newest_release(machine.work, recipe))
    return 0 if result.complete else NOT_RELEASED
