"""What Prefect is told before it is imported, where its database lies, and how a stopped flow ends."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.run import prefect_server
from flows.run.prefect_server import configure_prefect, server_environment


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith("PREFECT_") or name.lower() == "no_proxy":
            monkeypatch.delenv(name)
    for name in (
        "PREFECT_HOME",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL",
        "DO_NOT_TRACK",
        "PREFECT_SERVER_ANALYTICS_ENABLED",
        "NO_PROXY",
        "no_proxy",
    ):
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
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "DEBUG")
    configure_prefect(tmp_path / "work")
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "DEBUG"


@pytest.mark.usefixtures("clean")
def test_a_profile_in_the_home_leaves_the_database_in_the_work_folder(tmp_path: Path) -> None:
    profiles = tmp_path / "home" / ".prefect" / "profiles.toml"
    profiles.parent.mkdir(parents=True)
    profiles.write_text('active = "local"\n\n[profiles.local]\n')
    configure_prefect(tmp_path / "work")
    assert "PREFECT_HOME" not in os.environ  # the profile is read
    database = server_environment(tmp_path / "work", os.environ, "a:b")["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert database == f"sqlite+aiosqlite:///{tmp_path}/work/prefect/prefect.db"


@pytest.mark.parametrize("name", ["PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL"])
def test_the_users_settings_come_before_those_of_a_temporary_server(tmp_path: Path, name: str) -> None:
    settings = server_environment(tmp_path, {name: "postgresql://host", "PREFECT_UI_ENABLED": "1"}, "a:b")
    assert settings["PREFECT_UI_ENABLED"] == "1"
    assert {key: value for key, value in settings.items() if "DATABASE" in key} == {name: "postgresql://host"}
    assert server_environment(tmp_path, {}, "a:b")["PREFECT_UI_ENABLED"] == "0"


FLOW = """
import subprocess, sys
from pathlib import Path
from flows.run.prefect_server import configure_prefect, start_server
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
        start_server(work)
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


def test_a_configured_server_that_does_not_answer_is_one_line(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/api"
    arguments = ("run", make_recipe(), "--until", "protect", "--work", tmp_path / "work", "--tracking", "none")
    process = command.begin(*arguments, folder=tmp_path, PREFECT_API_URL=url)
    out, err = process.communicate(timeout=120)
    answer = SimpleNamespace(code=process.returncode, out=out, err=err)
    assert "unset PREFECT_API_URL" in command.refused(answer, f"the server at {url} cannot be used")


def test_a_temporary_server_that_ended_is_started_anew(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    recipe, rest = make_recipe(), ("--until", "protect", "--tracking", "none")
    assert command.ask("run", recipe, *rest, "--work", tmp_path / "one").code == 0
    server = prefect_server.started[os.environ["PREFECT_API_URL"]]
    server.kill()
    server.wait()
    answer = command.ask("run", recipe, *rest, "--work", tmp_path / "two")
    assert answer.code == 0, answer.err
    server = prefect_server.started[os.environ["PREFECT_API_URL"]]
    assert server.poll() is None
    server.kill()
