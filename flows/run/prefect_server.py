"""Prefect's settings, and a temporary server for one command where none is configured."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from domain.errors import UserError

logger = logging.getLogger(__name__)

# As Prefect starts a server for one run: without its page, and without what schedules runs.
TEMPORARY = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
DATABASE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
STARTUP_SECONDS = 120.0
started: dict[str, subprocess.Popen[bytes]] = {}  # this process's temporary servers by their URL


def configure_prefect(work: Path) -> None:
    """Set Prefect's settings before it is imported: no telemetry, and its own log on the run page only.

    Without a configured server (PREFECT_API_URL or a profile) a temporary one has its database in the work folder;
    the user's home is neither read nor changed.
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # The command prints lines and errors; Prefect's handler would print both again, with tracebacks.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    # The temporary server listens here, and is not reached through a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = os.environ.get(name, "")
        if "127.0.0.1" not in hosts:
            os.environ[name] = ",".join(filter(None, (hosts, "127.0.0.1", "localhost")))
    configured = {"PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"} & os.environ.keys()
    if not configured and not Path(os.path.expanduser("~/.prefect/profiles.toml")).exists():
        os.environ["PREFECT_HOME"] = str((work / "prefect").resolve())


def server_environment(work: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the temporary server: its database in the work folder, unless the user has set one."""
    settings = {**TEMPORARY, **environment}
    if not environment.keys() & set(DATABASE):
        database = (work / "prefect" / "prefect.db").resolve()
        settings[DATABASE[0]] = f"sqlite+aiosqlite:///{database}"
    return settings


def start_server(work: Path) -> None:
    """Start a temporary server if none is configured; its output goes to ``prefect/server.log``.

    Raises ``UserError`` if the configured server does not answer. A temporary one that this process started, and that
    has ended since (another run in its work folder ends it), is started anew.

    Prefect would start it itself at the first call, once it has imported the whole server here too (2 s), and with this
    process's stderr. It ends with this process and no sooner: SIGTERM, which ``timeout`` and service managers send to
    every process of a run, is blocked in it, so that how the run ended can still be recorded in it.
    """
    import httpx
    import prefect
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_API_URL

    if (url := PREFECT_API_URL.value()) and not ended(url):
        refuse_unreachable(url)
        return
    logger.info("starting Prefect's server")
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
        with log.open("wb") as output:
            environment = server_environment(work, os.environ)
            server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        atexit.register(server.kill)  # everything is in the database
        started[f"http://127.0.0.1:{port}/api"] = server
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


def ended(url: str) -> bool:
    """Whether this is a temporary server of this process that no longer runs."""
    return url in started and started[url].poll() is not None


def refuse_unreachable(url: str) -> None:
    """Raise ``UserError`` if the server does not answer, refuses this client or has another major version."""
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except Exception as error:  # of the HTTP client's, or a RuntimeError that it is the cause of
        reason = str(error.__cause__ or error).splitlines()[0]
        fix = "start that server, or unset PREFECT_API_URL to use a temporary one"
        raise UserError("prefect", f"the server at {url} cannot be used ({reason})", fix) from None
