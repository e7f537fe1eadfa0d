"""Runs a recipe: cached stages are found without Prefect, the rest runs as a flow."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime

from domain.errors import UserError
from domain.machine import Machine
from domain.numerics import differences
from domain.spec import fingerprint
from domain.stage import Store
from domain.units import stages
from flows.recipe.preflight import base, refuse_no_tokens
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.disk import disk_refusals, refuse_full
from flows.run.lineage import refuse_changed
from flows.run.lock import holding
from flows.run.pages import restore_pages
from flows.run.record import RunRecord
from flows.run.result import RunResult
from flows.run.runner import Engine, StageRunner, directly, find_all, travel
from flows.run.stages import beyond
from flows.tracking.background import BackgroundTracker
from flows.tracking.tracker import Several, Tracker

logger = logging.getLogger(__name__)


def run_recipe(
    name: str,
    overrides: Sequence[str] = (),
    as_of: date | None = None,
    machine: Machine | None = None,
    until: str = "release",
) -> RunResult:
    """Run a recipe up to a stage; finished stages are cached.

    Args:
        name: path of a recipe file, or the name of one that ships
        overrides: values of the recipe to replace, each as ``a.b=value``
        as_of: the day for which text is collected (default: today in UTC)
        machine: the machine profile
        until: the last stage

    Raises a ``UserError``, or a group of them, for what the user can fix.
    """
    machine = machine or Machine()
    recipe = load_recipe(name, overrides, machine)
    day = as_of or datetime.now(UTC).date()
    make_or_find(recipe, overrides, day, machine, until)
    return RunResult.of(recipe.name, RunRecord(machine.work, recipe.name).shown(), until)


def make_or_find(recipe: Recipe, overrides: Sequence[str], day: date, machine: Machine, until: str) -> None:
    """Look up every stage up to ``until``, and run the missing ones in a flow."""
    with holding(machine.work, shared=machine.shared):
        artifacts, complete = find_all(recipe, day, Store(machine.work), machine, until)
        for label, artifact in artifacts:
            if other := differences(artifact.manifest.get("numerics"), machine):
                logger.info("%s: was computed with %s; remove %s to compute it again.", label, other, artifact.path)
        if not complete:
            preflight(recipe, machine, until)
            logger.info("%s, as of %s: %s cached; running the rest.", recipe.name, day, stages(len(artifacts)))
            run_flow(recipe.file, overrides, day, until, machine)
            return
        logger.info("Nothing to do: all %s of %s are cached.", stages(len(artifacts)), recipe.name)
        journey, tracker = RunRecord(machine.work, recipe.name), tracker_for(machine, recipe, day)
        digests = {label: artifact.digest for label, artifact in artifacts}
        if not journey.is_tracked(recipe.model_dump(mode="json"), day.isoformat(), digests, tracker.uri):
            # An earlier run ended before everything was tracked.
            with disk_refusals(machine.work):
                store = Store(machine.work)
                runner = StageRunner(machine=machine, store=store, journey=journey, tracker=tracker, until=until)
                travel(recipe, day, runner)
        with disk_refusals(machine.work):
            restore_pages(journey)


def run_flow(name: str, overrides: Sequence[str], as_of: date, until: str, machine: Machine) -> None:
    """Run the missing stages in the Prefect flow; starts a temporary server if none is configured."""
    from flows.run.prefect_server import configure_prefect, start_server

    configure_prefect(machine.work)
    recipe = load_recipe(name, overrides, machine)
    tracker_for(machine, recipe, as_of).prepare()  # MLflow is imported while the server starts
    start_server(machine.work)
    from prefect.exceptions import CancelledRun

    from flows.run.prefect_flow import adapt

    try:
        adapt(name, list(overrides), as_of, until, machine)
    except CancelledRun:
        raise KeyboardInterrupt from None


def make_all(
    recipe: Recipe,
    as_of: date,
    machine: Machine,
    until: str,
    engine: Engine = directly,
    page: Tracker | None = None,
) -> bool:
    """Run every stage up to ``until`` in a locked work folder; False if the gates did not pass.

    ``page`` is a further tracker.
    """
    store, journey, tracker = (
        Store(machine.work),
        RunRecord(machine.work, recipe.name),
        tracker_for(machine, recipe, as_of),
    )
    preflight(recipe, machine, until)
    for warning in recipe.warnings:
        logger.warning("%s: %s", recipe.name, warning)
    with disk_refusals(machine.work):
        everyone = Several(tracker, page) if page else tracker
        runner = StageRunner(
            machine=machine, store=store, journey=journey, tracker=everyone, until=until, engine=engine
        )
        travel(recipe, as_of, runner)
    return released(journey, until)


def preflight(recipe: Recipe, machine: Machine, until: str) -> None:
    """Refuse before anything is spent what would fail only hours later."""
    if not machine.tracking and set("?%") & set(str(machine.work.resolve())):
        problem = "has a ? or % in its path, which the address of MLflow's store in it cannot name"
        raise UserError(str(machine.work), problem, "name another --work, or set tracking")
    refuse_full(machine.work)
    refuse_changed(recipe, machine.work)
    if not beyond("tokenizer", until):
        base(recipe)
    if not beyond("pretrain", until):
        refuse_no_tokens(recipe, derived=False)


def released(journey: RunRecord, until: str) -> bool:
    """Whether a run up to ``until`` is complete: False if the gates did not pass."""
    decision = journey.shown()["stages"].get("decide")
    return until != "release" or bool(decision and decision["facts"]["released"])


def tracker_for(machine: Machine, recipe: Recipe, as_of: date) -> Tracker:
    """MLflow at the profile's URI (default: SQLite in the work folder), or no tracker."""
    if machine.tracking == "none":
        return Tracker()
    from flows.tracking.mlflow_tracker import MLflow

    settings = recipe.model_dump(mode="json")
    journey = fingerprint([settings, as_of.isoformat()])
    return BackgroundTracker(MLflow(machine, recipe.name, journey, as_of, settings))
