"""One run of a recipe: what is finished is found without an engine; the rest runs as a flow; then the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from domain.machine import Machine
from domain.stage import Store
from flows.journey import Journey, holding
from flows.recipe import load_recipe
from flows.show import print_table
from flows.stage import find_all


def run_recipe(name: str, overrides: Sequence[str], as_of: date | None, machine: Machine, until: str) -> bool:
    """Run to ``until``; whether everything that was asked for came out (False: the gates did not hold)."""
    recipe = load_recipe(name, overrides)
    day = as_of or datetime.now(UTC).date()
    with holding(machine.work):
        found, complete = find_all(recipe, day, Store(machine.work), until)
        journey = Journey(machine.work, recipe.name)
        if complete:
            journey.begin(recipe.model_dump(mode="json"), day.isoformat())
            for label, artifact in found:
                journey.add(label, artifact, None)
            print(f"Nothing to do: all {len(found)} stages of {recipe.name} are finished and every byte of them holds.")
        else:
            from flows.engine import run_flow

            print(f"{recipe.name}, as of {day}: {len(found)} stages found, the others are made now.", flush=True)
            run_flow(name, list(overrides), day, machine, until)
        print_table(machine.work, recipe.name)
        decision = journey.read()["stages"].get("decide")
    return until != "release" or bool(decision and decision["facts"]["released"])
