"""The flow on a real Prefect server, by the commands in flows/README.md: deployed, served, retried, cancelled."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml

from domain.machine import Machine

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "flows" / "README.md").read_text(encoding="utf-8").split("\n## Prefect\n")[1].split("\n## ")[0]
(_, SERVE, POOL), (DEPLOY,) = (re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S) for kind in ("sh", "python"))
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The temporary server of a command, for all tests of this module."""
    from prefect.context import refresh_global_settings_context
    from prefect.logging.configuration import setup_logging

    from flows.run.prefect_server import configure_prefect, start_server, started

    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith("PREFECT_"):
                patch.delenv(name)
        for name in (
            "PREFECT_HOME",
            "PREFECT_API_URL",
            "PREFECT_API_AUTH_STRING",
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL",
            "DO_NOT_TRACK",
        ):
            patch.setenv(name, "")
            patch.delenv(name)
        work = tmp_path_factory.mktemp("prefect")
        patch.setenv("PREFECT_HOME", str(work / "home"))
        patch.setenv("PREFECT_RUNNER_POLL_FREQUENCY", "1")  # seconds; what serves a flow else looks every ten
        configure_prefect(work)
        refresh_global_settings_context()  # an earlier test of this process may have used a server of its own
        start_server(work)
        setup_logging()  # as the first flow would, in the middle of a test, taking pytest's handler off the root
        yield os.environ["PREFECT_API_URL"]
        started[os.environ["PREFECT_API_URL"]].kill()
    refresh_global_settings_context()


def machine_of(work: Path) -> dict[str, Any]:
    return {"work": str(work), "device": "cpu", "precision": "fp32", "threads": 1, "workers": 1, "tracking": "none"}


def begin(line: str, folder: Path) -> subprocess.Popen[str]:
    """A line of a shell, in a session of its own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "-c", f"exec {line}"], env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def done(line: str, folder: Path) -> str:
    """What a line printed that ended well."""
    process = begin(line, folder)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return output


@pytest.fixture
def folder(undisturbed: Path, finished: Path, tmp_path: Path) -> Path:
    """A folder with the recipe, and with a machine profile whose work folder holds the finished run."""
    shutil.copy(undisturbed.parent / "contracts.yaml", tmp_path)
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump(machine_of(finished)))
    return tmp_path


def page(run: UUID) -> SimpleNamespace:
    """What the run's page shows, as its server answers."""
    api, of_run = os.environ["PREFECT_API_URL"], {"flow_run_id": {"any_": [str(run)]}}
    with httpx.Client(trust_env=False, auth=tuple(os.environ["PREFECT_API_AUTH_STRING"].split(":", 1))) as client:
        logs = client.post(f"{api}/logs/filter", json={"logs": of_run, "sort": "TIMESTAMP_ASC"}).json()
        artifacts = client.post(f"{api}/artifacts/filter", json={"artifacts": of_run}).json()
        flow_run = client.get(f"{api}/flow_runs/{run}").json()
    return SimpleNamespace(
        name=flow_run["name"],
        tags=set(flow_run["tags"]),
        state=flow_run["state"]["name"],
        type=flow_run["state"]["type"],
        lines=[log["message"] for log in logs],
        artifacts={artifact["key"]: artifact["data"] for artifact in artifacts},
    )


def ended(run: UUID) -> SimpleNamespace:
    """The page, once the run has ended and its last lines have come."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        shown = page(run)
        if shown.type in FINAL and (shown.type == "FAILED" or "Finished in state" in "".join(shown.lines[-3:])):
            return shown
        time.sleep(0.5)
    raise AssertionError(shown)


def test_a_work_pool_runs_it(server: str, folder: Path, finished: Path, command: Any) -> None:
    """A worker in a process of its own: only the release is to be made, and the page tells the whole story."""
    for release in (finished / "artifacts" / "release").iterdir():
        release.rename(finished / release.name)
    (folder / "deploy.py").write_text(DEPLOY.replace("/srv/", f"{folder}/"))
    create, deploy, run, worker = POOL.splitlines()
    done(create, folder)
    done(deploy, folder)
    run_id = UUID(re.search(r"UUID: (\S+)", done(run, folder))[1])  # type: ignore[index]
    output = done(f"{worker} --run-once", folder)
    shown = ended(run_id)
    assert shown.state == "Completed", (output, shown.lines)
    assert shown.name == f"contracts {command.day}"
    assert shown.tags == {"contracts", "released"}
    assert "evaluate: cached" in shown.lines
    assert "release: running" in shown.lines
    funnel = shown.artifacts["contracts-funnel"]
    assert "480" in str(funnel)
    for part in ("domain", "general"):
        assert part in str(shown.artifacts["contracts-scorecard"])
    (release,) = (finished / "artifacts" / "release").iterdir()
    assert str(release) in shown.artifacts["contracts-decision"]
    assert "contracts 2026-01-02: released" not in output


def test_serve_runs_it_and_refused_gates_do_not_look_as_a_release(server: str, folder: Path, command: Any) -> None:
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    overrides = ["release.gates.domain_gain=0.99"]
    parameters = {"as_of": command.day.isoformat(), "machine": "machine.yaml", "overrides": overrides}
    with begin(SERVE.strip(), folder) as process:
        until, run = time.monotonic() + 120, None
        while run is None and time.monotonic() < until and process.poll() is None:
            try:
                run = run_deployment("adapt/here", parameters=parameters, timeout=0)
            except ObjectNotFound:
                time.sleep(0.5)
        assert run is not None
        shown = ended(run.id)
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert (shown.state, shown.tags) == ("Not released", {"contracts", "not released"}), shown.lines
    assert "not released" in shown.artifacts["contracts-decision"]
    assert "does not hold" in shown.artifacts["contracts-decision"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``failing(*errors)``: each call of the stage ``collect`` raises the next of them, until there are no more."""
    from flows.run.runner import StageRunner

    whole = StageRunner.find_or_make

    def install(*errors: BaseException) -> list[str]:
        left, calls = list(errors), list[str]()

        def find_or_make(self: Any, made_by: Any, spec: Any, parents: Any, label: str) -> Any:
            calls.append(label)
            if label == "collect" and left:
                raise left.pop(0)
            return whole(self, made_by, spec, parents, label)

        monkeypatch.setattr(StageRunner, "find_or_make", find_or_make)
        return calls

    return install


@pytest.fixture
def flow_of(server: str, undisturbed: Path, finished: Path, command: Any) -> Any:
    """``flow_of(flow)``: that flow on a finished work folder, up to its collection, in this process."""

    def call(flow: Any) -> Any:
        machine = Machine.model_validate(machine_of(finished))
        return flow(str(undisturbed.parent / "contracts.yaml"), [], command.day, "collect", machine, return_state=True)

    return call


def test_a_network_that_fails_is_tried_again_after_5_30_and_120_seconds(
    flow_of: Any, failing: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.run.prefect_flow import adapt

    delays: list[float] = []
    monkeypatch.setattr("prefect.task_engine.time", SimpleNamespace(**{**vars(time), "sleep": delays.append}))
    calls = failing(*(ConnectionResetError("reset") for _ in range(3)))
    assert flow_of(adapt).is_completed()
    assert calls == ["protect", *["collect"] * 4]
    assert [round(delay / 5) * 5 for delay in delays] == [5, 30, 120]
    assert caplog.text.count("collect: the network failed (reset)") == 3
    calls = failing(*(ConnectionResetError("reset") for _ in range(9)))
    assert flow_of(adapt).is_failed()
    assert calls.count("collect") == 4


def test_a_flow_is_retried_and_finds_what_is_finished(flow_of: Any, failing: Any) -> None:
    """A defect of one stage is not retried by its task; the flow is, where a deployment says so."""
    from flows.run.prefect_flow import adapt

    calls = failing(ValueError("a defect"))
    assert flow_of(adapt.with_options(retries=1)).is_completed()
    assert calls == ["protect", "collect", "protect", "collect"]


def test_an_interrupted_flow_is_cancelled(flow_of: Any, failing: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its task too, as Prefect's own log says: the server writes the states of tasks some time later."""
    from flows.run.prefect_flow import adapt

    failing(KeyboardInterrupt())
    state = flow_of(adapt)
    assert (state.type.value, state.name) == ("CANCELLED", "Cancelled")
    ends = [record.getMessage() for record in caplog.records if record.name == "prefect.task_runs"]
    assert ends[-1] == "Finished in state Cancelled('Interrupted.')"
    assert not [message for message in ends if "Crashed" in message]


def test_a_handler_of_the_users_gets_every_line_once(
    flow_of: Any, failing: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As a file handler at the root, beside the command's own."""
    from domain.logs import TerminalHandler, handled_by
    from flows.run.prefect_flow import adapt

    failing()
    handler = logging.FileHandler(tmp_path / "run.log")
    logging.getLogger().addHandler(handler)
    try:
        with handled_by(TerminalHandler()):
            flow_of(adapt)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    lines = [line for line in (tmp_path / "run.log").read_text().splitlines() if line.startswith("collect")]
    assert lines == ["collect: cached"]
    terminal = capfd.readouterr()
    assert terminal.out.count("collect: cached") == 1
    assert "collect: cached" not in terminal.err
