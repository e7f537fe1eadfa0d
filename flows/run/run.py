"""One run of a recipe: what is finished is found without an engine; the rest runs as a flow; then the table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

from domain.machine import Machine
from domain.spec import fingerprint
from domain.stage import Store
from flows.recipe.preflight import base
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.disk import disk_error, refuse_full
from flows.run.lock import holding
from flows.run.record import RunRecord
from flows.run.runner import StageRunner, find_all, travel
from flows.run.stages import beyond
from flows.tracking.background import BackgroundTracker
from flows.tracking.tracker import Tracker


def run_recipe(
    name: str,
    overrides: Sequence[str] = (),
    as_of: date | None = None,
    machine: Machine | None = None,
    until: str = "release",
) -> bool:
    """Run to ``until``; whether everything that was asked for came out (False: the gates did not hold).

    Raises a ``UserError``, or a group of them, for what the user can fix.
    """
    recipe, machine = load_recipe(name, overrides), machine or Machine()
    with holding(machine.work):
        try:
            run_held(name, overrides, recipe, as_of or datetime.now(UTC).date(), machine, until)
        except Exception as error:
            if refusal := disk_error(error, machine.work):
                raise refusal from error
            raise
        decision = RunRecord(machine.work, recipe.name).read()["stages"].get("decide")
    return until != "release" or bool(decision and decision["facts"]["released"])


def run_held(name: str, overrides: Sequence[str], recipe: Recipe, day: date, machine: Machine, until: str) -> None:
    """The run itself, in a work folder that is held."""
    store, journey, tracker = (
        Store(machine.work),
        RunRecord(machine.work, recipe.name),
        tracker_for(machine, recipe, day),
    )
    runner = StageRunner(machine=machine, store=store, journey=journey, tracker=tracker, until=until)
    found, complete = find_all(recipe, day, store, machine, until)
    if not complete:
        from flows.run.prefect_flow import run_flow

        refuse_full(machine.work)
        if not beyond("tokenizer", until):
            base(recipe)  # it is wanted hours later; whether it is there is known now
        for warning in recipe.warnings:
            print(f"{recipe.name}: {warning}", file=sys.stderr, flush=True)
        print(f"{recipe.name}, as of {day}: {len(found)} stages found, the others are made now.", flush=True)
        run_flow(name, list(overrides), day, runner)
        return
    print(f"Nothing to do: all {len(found)} stages of {recipe.name} are finished and every byte of them holds.")
    digests = {label: artifact.digest for label, artifact in found}
    if not journey.told(recipe.model_dump(mode="json"), day.isoformat(), digests, tracker.uri):
        travel(recipe, day, runner)  # the run that made the last of them ended before it was told


def tracker_for(machine: Machine, recipe: Recipe, as_of: date) -> Tracker:
    """MLflow at the profile's URI (SQLite in the work folder by default), or nobody."""
    if machine.tracking == "none":
        return Tracker()
    from flows.tracking.mlflow_tracker import MLflow

    journey = fingerprint([recipe.model_dump(mode="json"), as_of.isoformat()])
    return BackgroundTracker(MLflow(machine, recipe.name, journey, as_of))
