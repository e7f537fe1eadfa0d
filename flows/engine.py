"""Prefect: the journey as a flow, each stage as a task that is retried only where a retry can help."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from domain.machine import Machine
from domain.stage import Store

RETRIES = 3
RETRY_SECONDS: list[float] = [5.0, 30.0, 120.0]


def settle(work: Path) -> None:
    """Prefect's settings, before it is imported: no telemetry, its own talk only from warnings on.

    Without a server of the team's (PREFECT_API_URL or a profile) a temporary one keeps its database
    in the work folder, so that a run neither reads nor changes anything of the user's home.
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    configured = {"PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"} & os.environ.keys()
    if not configured and not (Path.home() / ".prefect" / "profiles.toml").exists():
        os.environ["PREFECT_HOME"] = str((work / "prefect").resolve())


def can_help(task: Any, task_run: Any, state: Any) -> bool:
    """A retry helps against a network that came and went; a refusal or a defect comes out the same again."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ConnectionError | TimeoutError)


def run_flow(recipe_name: str, overrides: list[str], as_of: date, machine: Machine, until: str) -> None:
    """Run one journey as a Prefect flow; raises what its stages raise."""
    settle(machine.work)
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE

    from flows.journey import Journey
    from flows.recipe import load_recipe
    from flows.stage import StageRunner, run_way
    from flows.tracking import tracker_for

    def as_task(label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        wrap = task(
            name=label,
            retries=RETRIES,
            retry_delay_seconds=RETRY_SECONDS,
            retry_condition_fn=can_help,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        return wrap(call)

    @flow(name="adapt", flow_run_name=recipe_name, persist_result=False)
    def adapt(recipe: str, overrides: list[str], as_of: date, until: str) -> None:
        """The whole way of one recipe, as of a day, up to a stage."""
        loaded = load_recipe(recipe, overrides)
        tracker = tracker_for(machine, loaded, as_of)
        runner = StageRunner(
            machine=machine,
            store=Store(machine.work),
            journey=Journey(machine.work, loaded.name),
            tracker=tracker,
            until=until,
            engine=as_task,
        )
        with tracker:
            released = run_way(loaded, as_of, runner)
            if released is not None:
                tracker.register(loaded.name, released)

    adapt(recipe_name, overrides, as_of, until)
