"""How a learner's end comes back: its refusal, its full disk, a signal, a defect."""

from __future__ import annotations

import errno
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.settings.learning import Learning
from domain.training.pretrain import prepare
from domain.worker import NO_REPLY
from flows.run.launch import environment, launch, processes, raise_error, stopped, torchrun

CPU = Machine(device="cpu", precision="fp32", threads=1)
BASE = Base(
    scratch=Scratch(width=32, layers=1, heads=2, context=32),
    tokens=512,
    learning=Learning(batch=256, learning_rate=3e-3),
)


def test_a_folder_named_as_ours_does_not_come_first_and_links_beside_the_job_are_not_written_through(
    tokens: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious").write_text("mine")
    for name in ("job.json", "reply.json", "log.jsonl"):
        (tmp_path / f"out.{name}").symlink_to(tmp_path / "precious")
    parents = {"tokens": tokens, "tokenizer": tokenizer}
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    launch(prepare, BASE, parents, out=tmp_path / "out", machine=CPU)
    assert (tmp_path / "out" / "manifest.json").exists()
    assert (tmp_path / "precious").read_text() == "mine"
    assert {path.name for path in tmp_path.glob("out.*")} == {
        "out.spool.jsonl",
        "out.spool.json",
    }  # job and reply are gone
    with pytest.raises(UserError, match="fewer than one batch"):
        launch(prepare, BASE.replace(tokens=10), parents, out=tmp_path / "few", machine=CPU)


def test_ends_without_a_reply() -> None:
    killed = stopped("base", -9)
    assert isinstance(killed, UserError)
    assert "out of memory?" in str(killed)
    full = stopped("base", NO_REPLY)
    assert isinstance(full, OSError)
    assert full.errno == errno.ENOSPC
    assert isinstance(stopped("base", 1), RuntimeError)


@pytest.mark.soak
def test_two_processes_make_one_artifact(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Beside one process: the same identity, and losses that agree to rounding; for two nodes see ``test_join``."""
    parents = {"tokens": tokens, "tokenizer": tokenizer}
    two = CPU.replace(processes=2)
    launch(prepare, BASE, parents, out=tmp_path / "two", machine=two)
    one = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "one", machine=CPU)
    made = Checkpoint.open(tmp_path / "two")
    assert made.identity == one.identity
    assert made.facts["loss"] == pytest.approx(one.facts["loss"], abs=1e-4)
    assert {path.name for path in made.path.iterdir()} == {path.name for path in one.path.iterdir()}
    with pytest.raises(UserError, match="fewer than one batch"):
        launch(prepare, BASE.replace(tokens=10), parents, out=tmp_path / "few", machine=two)


def test_one_process_where_nothing_is_learned_by_several() -> None:
    assert processes(CPU) == 1
    assert processes(CPU.replace(processes=3)) == 3


def test_a_node_meets_the_others() -> None:
    command = torchrun(CPU.replace(processes=4, nodes=2, rendezvous="first:29500"), 4)
    told = dict(pairwise(command))
    assert (told["--nnodes"], told["--node-rank"], told["--nproc-per-node"]) == ("2", "0", "4")
    assert (told["--master-addr"], told["--master-port"]) == ("first", "29500")
    assert "--standalone" in torchrun(CPU.replace(processes=4), 4)


def wait_policy(machine: Machine) -> str:
    """What OpenMP itself reports in a process with this environment."""
    command = [sys.executable, "-c", "import torch; torch.ones(9).sum()"]
    settings = {**environment(machine, 1), "OMP_DISPLAY_ENV": "true"}
    report = subprocess.run(command, env=settings, capture_output=True, text=True, check=True).stderr
    return next(line for line in report.splitlines() if "OMP_WAIT_POLICY" in line)


def test_threads_wait_as_the_machine_or_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert environment(CPU, 1)["GOMP_SPINCOUNT"] == "1000"
    assert not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & environment(CPU.replace(thread_wait="spin"), 1).keys()
    assert "PASSIVE" in wait_policy(CPU.replace(thread_wait="sleep"))
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert "ACTIVE" in wait_policy(CPU.replace(thread_wait="sleep"))


@pytest.mark.parametrize(
    "reply", [{"error": []}, {"error": "x"}, {"errno": "2", "file": "a"}, {"stopped": 1}, {}, {"error": [1, 2, 3]}]
)
def test_a_reply_of_other_types_is_none(reply: dict[str, object]) -> None:
    raise_error("base", reply)


def test_only_what_the_worker_lists_is_launched(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not list"):
        launch(prepare, BASE.learning, {"tokens": tokens, "tokenizer": tokenizer}, out=tmp_path / "out", machine=CPU)
