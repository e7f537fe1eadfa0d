"""The Prefect flow ``adapt``, for a deployment and for ``shoptalk run``: each stage is a task that is retried."""

# Annotations are evaluated here: a deployment may load this file under a name by which Prefect cannot look them up.

import logging
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar, cast

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import TerminationSignal
from prefect.logging.handlers import APILogHandler
from prefect.states import Cancelled, Completed
from prefect.tasks import Task

from domain.logs import handled_by
from domain.machine import Machine
from flows.recipe.recipe import load_recipe
from flows.run.disk import chain
from flows.run.lock import holding
from flows.run.profile import read_profile
from flows.run.run import make_all
from flows.tracking.prefect_page import RunPage

logger = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_SECONDS: list[float] = [5.0, 30.0, 120.0]
PASSING = (ConnectionError, TimeoutError, socket.gaierror)
LASTING = ("OfflineModeIsEnabled",)  # the hub's error where its network is switched off
NOT_RELEASED = "Not released"


@flow(name="adapt", persist_result=False)
def adapt(
    recipe: str,
    overrides: Sequence[str] = (),
    as_of: date | None = None,
    until: str = "release",
    machine: Machine | str | None = None,
) -> State[None] | None:
    """From a recipe to a released model, or up to a stage; finished stages are cached.

    Args:
        recipe: path of a recipe file, or the name of one that ships
        overrides: values of the recipe to replace, each as ``a.b=value``
        as_of: the day whose sources are collected; today if empty
        until: the last stage
        machine: a machine profile, or the path of its file
    """
    profile = machine if isinstance(machine, Machine) else read_profile(machine)
    content, day = load_recipe(recipe, overrides, profile), as_of or datetime.now(UTC).date()
    page = RunPage(content.name, day)
    try:
        with handled_by(RunLog(page.run)), holding(profile.work, shared=profile.shared):
            page.tag(content.name)
            released = make_all(content, day, profile, until, engine=as_task, page=page)
    except (KeyboardInterrupt, TerminationSignal):
        return Cancelled(message="Interrupted; the same run continues from here.")
    return None if released else Completed(name=NOT_RELEASED, message="A gate did not pass.")


def as_task(label: str, call: Callable[[], T]) -> Callable[[], T]:
    """The call as a Prefect task; an interrupted one ends as cancelled, where Prefect would call it crashed."""

    def body() -> T | State[None]:
        try:
            return call()
        except (KeyboardInterrupt, TerminationSignal):
            return Cancelled(message="Interrupted.")

    wrap = task(
        name=label,
        retries=len(RETRY_SECONDS),
        retry_delay_seconds=RETRY_SECONDS,
        retry_condition_fn=can_help,
        cache_policy=NO_CACHE,  # the store is the cache; Prefect's key would contain the run's id
        persist_result=False,
    )
    run = wrap(body)

    def waited() -> T:
        state = run(return_state=True)
        if state.is_cancelled():
            raise KeyboardInterrupt
        return cast(T, state.result())

    return waited


def can_help(task: Task[[], object], task_run: TaskRun, state: State) -> bool:
    """Retry after an error of the network only; a user's error or a defect would come again.

    The network's error may be the cause of a library's own, or of a ``UserError``.
    """
    error = state.data if isinstance(state.data, BaseException) else state.result(raise_on_failure=False)
    causes = list(chain(error)) if isinstance(error, BaseException) else []
    if any(type(cause).__name__ in LASTING for cause in causes):
        return False
    passing = next((cause for cause in causes if isinstance(cause, PASSING)), None)
    if passing is not None:
        logger.warning("%s: the network failed (%s); it is retried if tries are left", task.name, passing)
    return passing is not None


class RunLog(APILogHandler):
    """Log records on the run page: of a stage's task, or of the flow run from a thread without a task."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        if FlowRunContext.get() is None and TaskRunContext.get() is None:
            record.flow_run_id = self.run
        super().emit(record)
