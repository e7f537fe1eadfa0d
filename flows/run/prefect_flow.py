"""Prefect: the journey as a flow, each stage as a task that is retried only where a retry can help."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from domain.errors import UserError
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.disk import chain
from flows.run.runner import StageRunner, travel

RETRY_SECONDS: list[float] = [5.0, 30.0, 120.0]
PASSING = (ConnectionError, TimeoutError, socket.gaierror)
# As Prefect starts a server for one run: without its page, and without what schedules runs.
TEMPORARY = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
STARTUP_SECONDS = 120.0
LASTING = ("OfflineModeIsEnabled",)  # the hub's word for a network that was switched off by hand


def configure_prefect(work: Path) -> None:
    """Prefect's settings, before it is imported: no telemetry, and no log beside our own lines.

    Without a server of the team's (PREFECT_API_URL or a profile) a temporary one keeps its database
    in the work folder, so that a run neither reads nor changes anything of the user's home.
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # A task that fails is told once, by the command; Prefect would print its traceback for each attempt.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    # The temporary server listens here; a proxy for the world outside must not be asked for it.
    for name in ("NO_PROXY", "no_proxy"):
        known = os.environ.get(name, "")
        if "127.0.0.1" not in known:
            os.environ[name] = ",".join(filter(None, (known, "127.0.0.1", "localhost")))
    configured = {"PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"} & os.environ.keys()
    if not configured and not Path(os.path.expanduser("~/.prefect/profiles.toml")).exists():
        os.environ["PREFECT_HOME"] = str((work / "prefect").resolve())


def serve(work: Path) -> None:
    """Start a temporary server where there is no other; what it prints goes to ``prefect/server.log``.

    Prefect would start it itself at the first call, once it has imported the whole server here too (2 s), and with this
    process's stderr. It ends with this process and no sooner: SIGTERM, which ``timeout`` and service managers send to
    every process of a run, is blocked in it, so that how the run ended can still be told to it.
    """
    import httpx
    import prefect
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # A module of the user's in the current folder must not come before one of Prefect's.
    place = str(Path(prefect.__file__).parents[1])
    command = [sys.executable, "-P", "-m", "uvicorn", "--app-dir", place, "--host", "127.0.0.1", "--port", port]
    command += ["--log-level", "error", "--factory", "prefect.server.api.server:create_app"]
    log = work / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        with log.open("wb") as told:
            server = subprocess.Popen(command, env={**os.environ, **TEMPORARY}, stdout=told, stderr=told)
        atexit.register(server.kill)  # all is in the database
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    url, began = f"http://127.0.0.1:{port}/api", time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                break
        if server.poll() is not None or time.monotonic() - began > STARTUP_SECONDS:
            raise UserError("prefect", f"its server did not start: see {log}", f"remove {log.parent}, then run again")
        time.sleep(0.1)
    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()


def can_help(task: Any, task_run: Any, state: Any) -> bool:
    """A retry helps against a network that came and went; a refusal or a defect comes out the same again.

    The network's error may lie under a library's own, or under a refusal that says what it means.
    """
    error = state.data if isinstance(state.data, BaseException) else state.result(raise_on_failure=False)
    causes = list(chain(error)) if isinstance(error, BaseException) else []
    if any(type(cause).__name__ in LASTING for cause in causes):
        return False
    passing = next((cause for cause in causes if isinstance(cause, PASSING)), None)
    if passing is not None:
        print(f"{task.name}: the network failed ({passing}); if tries are left, it is tried again", file=sys.stderr)
    return passing is not None


def run_flow(name: str, overrides: list[str], as_of: date, runner: StageRunner) -> None:
    """Run one journey as a Prefect flow; raises what its stages raise."""
    configure_prefect(runner.machine.work)
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE

    def as_task(label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        wrap = task(
            name=label,
            retries=len(RETRY_SECONDS),
            retry_delay_seconds=RETRY_SECONDS,
            retry_condition_fn=can_help,
            cache_policy=NO_CACHE,  # the store finds what is finished; Prefect's key would hold the run's id
            persist_result=False,
        )
        return wrap(call)

    recipe: Recipe = load_recipe(name, overrides)
    runner.tracker.prepare()  # while the server starts
    serve(runner.machine.work)

    @flow(name="adapt", flow_run_name=f"{recipe.name} {as_of}", persist_result=False)
    def adapt(recipe_file: str, overrides: list[str], as_of: date, until: str) -> None:
        """The whole way of one recipe, as of a day, up to a stage."""
        travel(recipe, as_of, runner)

    runner.engine = as_task
    adapt(name, overrides, as_of, runner.until)
