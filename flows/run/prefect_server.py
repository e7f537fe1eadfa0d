"""Prefect's settings, and a temporary server for one command where none is configured."""

from __future__ import annotations

import atexit
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from domain.errors import UserError, first_line

logger = logging.getLogger(__name__)

# As Prefect starts a server for one run: without its page, and without what schedules runs.
TEMPORARY = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
SERVER_CREDENTIAL, CLIENT_CREDENTIAL = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
# What a client of Prefect is answered, it believes, and unpickles: a stranger's request is refused, and a page in a
# browser of this machine is not a client.
ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"
DATABASE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
STARTUP_SECONDS = 120.0
MOST_SETTINGS = 10_000_000  # bytes read of a file that may set Prefect's settings
started: dict[str, subprocess.Popen[bytes]] = {}  # this process's temporary servers by their URL
ports: list[socket.socket] = []  # sockets that hold their ports


def configure_prefect(work: Path) -> None:
    """Set Prefect's settings before it is imported: no telemetry, and its own log on the run page only.

    Without a configured server (PREFECT_API_URL or a profile) a temporary one has its database in the work folder;
    the user's home is neither read nor changed. Raises ``UserError`` where the current folder would set them.
    """
    refuse_settings_of(Path.cwd())
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


def refuse_settings_of(folder: Path) -> None:
    """Raise ``UserError`` if the folder holds settings of Prefect, which reads them there from three files: those of a
    recipe from elsewhere could name a stranger's server, whose answers are unpickled here.
    """
    for name in (".env", "prefect.toml", "pyproject.toml"):
        path = folder / name
        try:
            content = path.read_bytes()[:MOST_SETTINGS].decode(errors="replace") if path.is_file() else ""
        except OSError:  # nor can Prefect read it
            continue
        if name == ".env":
            sets = bool(re.search(r"^\s*(export\s+)?PREFECT_", content, re.MULTILINE | re.IGNORECASE))
        else:
            sets = bool(prefect_table(content) if name == "pyproject.toml" else content.strip())
        if sets:
            problem = "sets Prefect's settings, which decide whose code is run"
            raise UserError(str(path), problem, "set PREFECT_ variables in the environment, or run in another folder")


def prefect_table(content: str) -> object:
    """``tool.prefect`` of a pyproject.toml; None if it has none, or is not TOML, which Prefect cannot read either."""
    try:
        tools = tomllib.loads(content).get("tool")
    except (ValueError, RecursionError):
        return None
    return tools.get("prefect") if isinstance(tools, dict) else None


def server_environment(work: Path, environment: Mapping[str, str], credential: str) -> dict[str, str]:
    """The environment of the temporary server: its credential, and its database in the work folder, unless the user has
    set one.
    """
    settings = {**TEMPORARY, **environment, SERVER_CREDENTIAL: credential, ORIGINS: ""}
    if not environment.keys() & set(DATABASE):
        database = (work / "prefect" / "prefect.db").resolve()
        settings[DATABASE[0]] = f"sqlite+aiosqlite:///{quote(str(database))}"
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
    listener, credential = reserved(), f"shoptalk:{secrets.token_urlsafe(32)}"
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    # A module of the user's in the current folder must not come before one of Prefect's.
    place = str(Path(prefect.__file__).parents[1])
    command = [sys.executable, "-P", "-m", "uvicorn", "--app-dir", place, "--fd", str(listener.fileno())]
    command += ["--log-level", "error", "--factory", "prefect.server.api.server:create_app"]
    log = work / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)  # never written through a link
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        with log.open("xb") as output:
            environment = server_environment(work, os.environ, credential)
            server = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, pass_fds=(listener.fileno(),), cwd=log.parent
            )
        atexit.register(server.kill)  # everything is in the database
        started[url] = server
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    listener.close()
    began = time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                break
        if server.poll() is not None or time.monotonic() - began > STARTUP_SECONDS:
            raise UserError("prefect", f"its server did not start: see {log}", f"remove {log.parent}, then run again")
        time.sleep(0.1)
    os.environ |= {"PREFECT_API_URL": url, CLIENT_CREDENTIAL: credential}
    refresh_global_settings_context()


def reserved() -> socket.socket:
    """A listening socket to hand on, at a port of 127.0.0.1 that stays this process's, also when the server has ended.

    A second socket, which only has the port, keeps it from other users: sharing a port (SO_REUSEPORT) takes the same
    user. A call to a server that has ended is then refused at once, as ever.
    """
    sockets = [socket.socket(), socket.socket()]
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        each.bind(sockets[0].getsockname() if each is sockets[1] else ("127.0.0.1", 0))
    ports.append(sockets[0])
    sockets[1].listen(128)
    return sockets[1]


def ended(url: str) -> bool:
    """Whether this is a temporary server of this process that no longer runs."""
    return url in started and started[url].poll() is not None


def refuse_unreachable(url: str) -> None:
    """Raise ``UserError`` if the server does not answer, refuses this client or has another major version; warn of one
    that asks nobody for a credential.
    """
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch()
    except Exception as error:  # of the HTTP client's, or a RuntimeError that it is the cause of
        reason = first_line(error.__cause__ or error)
        fix = "start that server, or unset PREFECT_API_URL to use a temporary one"
        raise UserError("prefect", f"the server at {url} cannot be used ({reason})", fix) from None
    with suppress(httpx.HTTPError, OSError):
        if httpx.post(f"{url}/flows/count").is_success:
            logger.warning("prefect: the server at %s asks for no credential: who reaches it can run code here", url)
