"""The table of exit codes in flows/README.md, cell by cell, for every command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from domain.manifest import write_json
from domain.stage import Stage
from domain.training.preemption import STOPPED
from domain.training.pretrain import prepare
from flows.command import cli
from flows.run.launch import job, learner
from tests.flows.run.kills import INTERRUPTED, artifacts, end_by, left_running, mark_of
from tests.flows.run.test_launch import BASE, CPU

README = Path(cli.__file__).parents[1] / "README.md"

# What ends each command with 0 and with 2, in a folder with contracts.yaml, run as "contracts" in the folder work.
ENDS: dict[str, dict[int, tuple[str, ...]]] = {
    "new": {0: ("leases",), 2: ("Leases!",)},
    "check": {0: ("contracts.yaml",), 2: ("contracts.yaml", "--machine", "none.yaml")},
    "plan": {0: ("contracts.yaml",), 2: ("contracts.yaml", "--set", "training.batch=many")},
    "pilot": {0: ("contracts.yaml",), 2: ("contracts.yaml", "--set", "pilot.budget=0.001")},
    "run": {0: ("contracts.yaml",), 2: ("contracts.yaml", "--set", "corpus.domain.0.path=none.jsonl")},
    "show": {0: ("contracts",), 2: ("leases",)},
    "generate": {0: ("contracts", "tenant", "--max-tokens", "2"), 2: ("leases", "tenant")},
    "release": {0: ("list",), 2: ("list", "leases")},
    "ledger": {0: ("contracts",), 2: ("contracts", "--reason", "none")},
    "why": {0: ("contracts", "domain-1"), 2: ("contracts", "domain-none")},
    "datasheet": {0: ("contracts",), 2: ("leases",)},
    "withdraw": {0: ("domain-1",), 2: ("domain-none",)},
    "harm": {0: ("calibrate", "domain.jsonl"), 2: ("calibrate", "none.jsonl")},
    "quality": {
        0: ("report", "contracts.yaml", "--labelled", "domain.jsonl", "--label", "id", "--good", "domain-1"),
        2: ("calibrate", "none.jsonl", "--scorer", "{linear: none.safetensors}"),
    },
    "join": {2: ("--node", "1")},
    "export": {0: ("training", "--out", "model"), 2: ("none", "--out", "model")},
    "recipes": {0: (), 2: ("all",)},
}
GRID = {"domain": [0.5], "rates": [0.006], "budget": 1.0}  # one arm, and enough tokens for its three runs
MACHINE = {"check", "plan", "pilot", "run", "generate", "join"}
WORK = {*MACHINE, "show", "release", "ledger", "why", "datasheet", "withdraw"}


def table() -> dict[str, list[str]]:
    """The cells of the README's table by command: exit codes 0, 1, 2, 3 and 130."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", README.read_text(encoding="utf-8"), re.M)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows if name in cli.COMMANDS}


def test_the_table_has_every_command_and_what_is_proven_here() -> None:
    assert list(table()) == list(cli.COMMANDS) == list(ENDS)
    for name, (zero, one, two, three, interrupted) in table().items():
        assert (bool(zero), bool(two)) == (0 in ENDS[name], 2 in ENDS[name]), name
        assert (bool(one), bool(three)) == (name == "check", name == "run"), name
        assert interrupted, name


@pytest.fixture(scope="module")
def recorded(undisturbed: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory, command: Any) -> Path:
    """A folder with the recipe and its finished run; runs of it find everything cached."""
    folder = tmp_path_factory.mktemp("recorded")
    recipe = (undisturbed.parent / "contracts.yaml").read_text()
    (folder / "contracts.yaml").write_text(f"{recipe}pilot: {json.dumps(GRID)}\n")
    shutil.copytree(undisturbed, folder / "work")
    shutil.copy(texts / "domain.jsonl", folder)
    with pytest.MonkeyPatch.context() as patch:
        command.remove_engine(patch)
        assert command.ask("run", folder / "contracts.yaml", *where(folder, "run", command)).code == 0
    return folder


def where(folder: Path, name: str, command: Any) -> tuple[object, ...]:
    """The options that name the work folder, the day and the device, as far as a command has them."""
    options: tuple[object, ...] = ("--work", folder / "work") if name in WORK else ()
    options += ("--tracking", "none", *command.machine) if name in MACHINE else ()
    return options + (("--as-of", command.day) if name in ("run", "pilot") else ())


@pytest.fixture
def ask(recorded: Path, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch, without_engine: None) -> Any:
    """``ask(command, ...)`` in a copy of that folder; stages that are made run in this process."""
    folder = tmp_path / "folder"
    shutil.copytree(recorded, folder)
    monkeypatch.chdir(folder)

    def here(made_by: Stage[Any], spec: Any, parents: Any, *, out: Path, machine: Any) -> None:
        made_by(spec, **parents, out=out, machine=machine)

    monkeypatch.setattr("flows.run.runner.launch", here)
    return lambda name, *words: command.ask(name, *words, *where(folder, name, command))


@pytest.mark.parametrize("name", [name for name in ENDS if 0 in ENDS[name]])
def test_0_when_it_did_what_it_was_asked_for(name: str, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "export":  # a training's checkpoint is read in tests/domain/training/state/test_export.py
        monkeypatch.setattr("domain.training.state.export.export", lambda *_, **__: 4)
    answer = ask(name, *ENDS[name][0])
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("name", list(ENDS))
def test_2_for_bad_input_with_one_line(name: str, ask: Any) -> None:
    answer = ask(name, *ENDS[name][2])
    assert answer.code == 2, answer
    last = answer.err.splitlines()[-1]
    assert (last.startswith("shoptalk: ") and "Fix: " in last) or "shoptalk: error: " in last, answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_2_for_an_unknown_option(name: str, command: Any) -> None:
    assert command.ask(name, "--nonsense").code == 2


def test_1_of_check_where_something_is_to_be_fixed(ask: Any) -> None:
    answer = ask("check", "contracts.yaml", "--set", "corpus.domain.0.path=none.jsonl")
    assert answer.code == 1
    assert "FAIL" in answer.out


def test_1_and_a_traceback_for_a_defect() -> None:
    broken = (
        "import sys; from flows.command import cli, recipes\n"
        "recipes.run = lambda options: 1 // 0\n"
        "sys.exit(cli.main(['recipes']))"
    )
    home = Path(cli.__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, cwd=home, check=False)
    assert answer.returncode == 1
    assert "ZeroDivisionError" in answer.stderr


def test_3_of_run_where_the_gates_do_not_pass(ask: Any) -> None:
    answer = ask("run", "contracts.yaml", "--set", "release.gates.domain_gain=0.99")
    assert answer.code == 3
    assert "not released" in answer.out
    assert "evaluate: cached" in answer.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", cli.COMMANDS)
def test_130_by_an_interrupt(name: str, number: signal.Signals, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a command is when the signal comes."""

    def work(options: Any) -> int:
        os.kill(os.getpid(), number)
        for _ in range(100):
            time.sleep(0.1)  # a thread that other tests left may take the signal, and not wake this one
        return 0

    monkeypatch.setattr(cli.command_module(name), "run", work)
    words = next(iter(ENDS[name].values()))
    answer = command.ask(name, *words)
    assert (answer.code, answer.err) == (130, INTERRUPTED)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pilot", signal.SIGTERM), pytest.param("pilot", signal.SIGINT, marks=pytest.mark.soak),
        ("join", signal.SIGTERM), ("join", signal.SIGINT),
    ],
)  # fmt: skip
def test_130_of_a_long_command_and_nothing_is_left_running(
    name: str, number: signal.Signals, make_recipe: Any, tmp_path: Path, command: Any
) -> None:
    make_recipe(pilot=GRID)
    (tmp_path / "nodes.yaml").write_text("nodes: 2\nrendezvous: localhost:29500\n")
    words = {"pilot": ("pilot", "contracts.yaml", "--as-of", command.day),
             "join": ("join", "--node", "1", "--machine", "nodes.yaml")}[name]  # fmt: skip
    process = command.begin(*words, "--tracking", "none", *command.machine, folder=tmp_path)
    work = tmp_path / "work"
    if name == "join":
        assert process.stdout.readline().startswith("node 1 of 2: waiting")
    code, errors = end_by(process, number, lambda: name == "join" or artifacts(work) >= 1)
    assert (code, errors.endswith(INTERRUPTED), "Traceback" in errors) == (130, True, False), errors
    assert left_running(mark_of(work)) == []


@pytest.mark.soak
def test_130_of_a_run_whose_training_then_continues(
    make_recipe: Any, tmp_path: Path, undisturbed: Path, command: Any
) -> None:
    """By SIGTERM between stages, then by SIGINT in training; the latter alone is in tests/flows/run/test_run.py."""
    make_recipe()
    work = tmp_path / "work"
    (tmp_path / "machine.yaml").write_text("checkpoint_seconds: 0.01\n")
    run = ("run", "contracts.yaml", "--as-of", command.day, "--machine", "machine.yaml", "--until", "base")

    def begin() -> Any:
        return command.begin(*run, *command.machine, folder=tmp_path)

    code, errors = end_by(begin(), signal.SIGTERM, lambda: artifacts(work) >= 2)
    assert (code, errors.endswith(INTERRUPTED), "Traceback" in errors) == (130, True, False)
    assert left_running(mark_of(work)) == []
    learning = (work / "building").glob
    code, errors = end_by(begin(), signal.SIGINT, lambda: list(learning("base-*/.scratch/checkpoints/step-*")))
    assert (code, errors.endswith(INTERRUPTED), "Traceback" in errors) == (130, True, False)
    assert left_running(mark_of(work)) == []
    assert "base" not in command.whole(work)
    last = begin()
    out, errors = last.communicate(timeout=300)
    assert (last.returncode, "curate: cached" in out) == (0, True), errors
    assert command.digests(work).items() <= command.digests(undisturbed).items()
    assert "base" in command.whole(work)


def test_75_of_a_training_process_that_receives_sigterm_itself(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    parents = {"tokens": tokens, "tokenizer": tokenizer}
    out = tmp_path / "out"
    content = job(prepare, BASE.replace(tokens=51_200), parents, CPU.replace(checkpoint_seconds=0.01))
    write_json(tmp_path / "out.job.json", content.model_dump(mode="json"))
    with subprocess.Popen(learner(tmp_path / "out.job.json", tmp_path), stdin=subprocess.PIPE) as process:
        while not list(out.glob(".scratch/checkpoints/step-*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(120) == STOPPED == 75
    assert "stopped" in json.loads((tmp_path / "out.reply.json").read_bytes())
    saved = max(int(path.name.removeprefix("step-")) for path in out.glob(".scratch/checkpoints/step-*"))
    assert 0 < saved < 200
    assert not (out / "manifest.json").exists()
