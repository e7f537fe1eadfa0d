"""Which errors are worth another try, what Prefect is told before it is imported, and how a stopped flow ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import UserError
from flows.run.prefect_flow import can_help, configure_prefect


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


class OfflineModeIsEnabled(ConnectionError):
    """Named as the hub's."""


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (ConnectionResetError("reset"), True),
        (TimeoutError("slow"), True),
        (OSError(errno.ECONNREFUSED, "refused"), True),
        (caused(UserError("hub", "cannot be read", "check"), socket.gaierror("no name")), True),
        (caused(UserError("hub", "cannot be read", "check"), OfflineModeIsEnabled("off")), False),
        (UserError("training.tokens", "are few", "raise them"), False),
        (OSError(errno.ENOSPC, "full"), False),
        (ValueError("a defect"), False),
    ],
)
def test_a_retry_only_where_it_can_help(error: BaseException, helps: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert can_help(SimpleNamespace(name="collect"), None, SimpleNamespace(data=error)) is helps
    assert ("the network failed" in capsys.readouterr().err) is helps


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith("PREFECT_") or name.lower() == "no_proxy":
            monkeypatch.delenv(name)
    for name in ("PREFECT_HOME", "PREFECT_LOGGING_LEVEL", "DO_NOT_TRACK", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone after the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("clean")
def test_a_server_of_ones_own_keeps_to_the_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")
    configure_prefect(tmp_path / "work")
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "work" / "prefect")
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["NO_PROXY"] == "intranet,127.0.0.1,localhost"


@pytest.mark.usefixtures("clean")
def test_a_teams_server_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    configure_prefect(tmp_path / "work")
    assert "PREFECT_HOME" not in os.environ


@pytest.mark.usefixtures("clean")
def test_what_is_set_by_hand_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    configure_prefect(tmp_path / "work")
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"


def test_an_error_of_the_disk_is_found_under_others(tmp_path: Path) -> None:
    from flows.run.disk import disk_error

    inner = OSError(errno.ENOSPC, "No space left on device", "/data/x")
    outer: Any = ExceptionGroup("workers", [RuntimeError("a worker failed")])
    outer.exceptions[0].__cause__ = inner
    refusal = disk_error(outer, tmp_path)
    assert refusal is not None
    assert refusal.place == "/data/x"
    assert disk_error(RuntimeError("I/O error: No space left on device (os error 28)"), tmp_path) is not None
    assert disk_error(RuntimeError("a defect"), tmp_path) is None
    assert disk_error(FileNotFoundError(errno.ENOENT, "gone"), tmp_path) is None


FLOW = """
import subprocess, sys
from pathlib import Path
from flows.run.prefect_flow import serve, configure_prefect
from flows.run.signals import interruptible

work = Path(sys.argv[1])
configure_prefect(work)
from prefect import flow

@flow
def adapt():
    with subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]) as child:
        child.wait()
try:
    with interruptible():
        serve(work)
        adapt()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.usefixtures("clean")
def test_a_signal_to_all_processes_ends_a_flow_as_an_interrupt(tmp_path: Path) -> None:
    # as ``timeout`` and service managers send it: to the temporary server too, which is to be told of the end
    with subprocess.Popen(
        [sys.executable, "-c", FLOW, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3], start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGTERM)
        told, errors = process.communicate(timeout=30)
    assert (told, errors, process.returncode) == (b"interrupted\n", b"", 0)
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as known:
        assert known.execute("select state_type from flow_run").fetchall() == [("CRASHED",)]
