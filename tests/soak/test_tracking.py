"""A real MLflow server, with a login, that is killed while a run is tracked, and started again for the next run."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.artifacts import Raw
from domain.machine import Machine
from domain.spec import Spec
from domain.stage import stage
from flows.tracking.mlflow_tracker import MLflow

PASSWORD = "correct-horse-battery"


class Nothing(Spec):
    """Nothing is asked."""


@stage("learn", makes=Raw, version=1)
def learn(spec: Nothing, *, out: Path, machine: Machine) -> dict[str, Any]:
    points(out / "training.jsonl", 5)
    return {}


def points(path: Path, steps: int) -> Path:
    path.write_text("".join(json.dumps({"step": step, "loss": 1 / step}) + "\n" for step in range(1, steps + 1)))
    return path


README = (Path(__file__).parents[2] / "flows" / "README.md").read_text(encoding="utf-8")
(SETTINGS,) = re.findall(r"```ini\n(.*?)```", README, re.S)
(SERVER,) = re.findall(r"\n(mlflow server .*)\n", README)


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The README's server, with the README's settings."""
    (folder / "auth.ini").write_text(SETTINGS)
    environment = {**os.environ, "MLFLOW_AUTH_CONFIG_PATH": "auth.ini", "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    environment |= {"MLFLOW_FLASK_SERVER_SECRET_KEY": "0123456789abcdef"}
    command = [sys.executable, "-m", *SERVER.split(), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=folder, env=environment)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success:
                return server
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError((folder / "server.log").read_text())


def kill(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def test_a_server_killed_midway_has_the_whole_curve_after_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machine = Machine(work=tmp_path, tracking=f"http://127.0.0.1:{port}")
    made = learn(Nothing(), out=tmp_path / "made")
    server = start(tmp_path, port)
    search = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search"
    assert httpx.post(search, json={"max_results": 1}, trust_env=False).status_code == 401
    with MLflow(machine, "contracts", "journey", date(2026, 1, 2)) as tracker:
        tracker.started("base", "request", learn, Nothing(), {})
        tracker.forward("request", points(tmp_path / "spool.jsonl", 3))
        assert not tracker.broken
        kill(server)
        tracker.forward("request", points(tmp_path / "spool.jsonl", 5))
        tracker.finished("base", "request", made, {}, 1.0)
    assert tracker.broken
    server = start(tmp_path, port)
    with MLflow(machine, "contracts", "journey", date(2026, 1, 2)) as again:
        again.finished("base", "request", made, {}, None)
    assert not again.broken
    history = again.client.get_metric_history(again.children["request"], "loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(step, 1 / step) for step in range(1, 6)]
    assert {run.info.status for run in again.client.search_runs([again.experiment])} == {"FINISHED"}
    kill(server)
