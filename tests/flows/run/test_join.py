"""Two nodes on one machine: the first runs, the other joins, and one artifact comes out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine
from domain.training.pretrain import prepare
from flows.run.join import join
from flows.run.launch import launch
from tests.flows.run.test_launch import BASE, CPU
from tests.other_user import NOBODY, needs_root

OTHER = """
import sys
from domain.logs import TerminalHandler, handled_by
from domain.machine import Machine
from flows.run.join import join
with handled_by(TerminalHandler()):
    join(Machine.model_validate_json(sys.argv[1]), 1)
"""


def two(work: Path) -> Machine:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return CPU.replace(nodes=2, processes=1, rendezvous=f"localhost:{port}", work=work)


def test_two_nodes(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    machine = two(tmp_path)
    (tmp_path / "building").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, machine.model_dump_json()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as other:
        try:
            assert other.stdout is not None
            assert b"node 1 of 2: waiting" in other.stdout.readline()
            parents = {"tokens": tokens, "tokenizer": tokenizer}
            launch(prepare, BASE, parents, out=tmp_path / "building" / "two", machine=machine)
        finally:
            other.kill()
    one = prepare(BASE, tokens=tokens, tokenizer=tokenizer, out=tmp_path / "one", machine=CPU)
    made = Checkpoint.open(tmp_path / "building" / "two")
    assert made.identity == one.identity
    assert made.facts["loss"] == pytest.approx(one.facts["loss"], abs=1e-4)
    assert {path.name for path in made.path.iterdir()} == {path.name for path in one.path.iterdir()}


@pytest.mark.parametrize("node", [0, 2])
def test_a_number_that_is_no_other_node(tmp_path: Path, node: int) -> None:
    with pytest.raises(UserError, match=r"--node: is .*choose 1 to 1"):
        join(two(tmp_path), node)


@pytest.mark.parametrize(("place", "words"), [("", "host:port of the first"), ("first", "write host:port")])
def test_nodes_that_cannot_meet(place: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Machine(nodes=2, rendezvous=place)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"ranks": true}', b'{"stage": "os:system", "ranks": true}', b"[" * 100_000, b"link"]
)
def test_a_job_that_is_none_ends_no_node(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Enough(Exception):
        """Ends the waiting."""

    looks = iter(range(3))

    def planted(seconds: float) -> None:
        if next(looks) == 2:
            raise Enough
        path = tmp_path / "work" / "building" / "base-0.job.json"
        path.parent.mkdir(exist_ok=True)
        if content == b"link" and not path.is_symlink():
            path.symlink_to("/etc/passwd")
        elif not path.exists():
            path.write_bytes(content)

    monkeypatch.setattr("flows.run.join.time.sleep", planted)
    with pytest.raises(Enough):
        join(two(tmp_path / "work"), 1)
    lines = [message for message in caplog.messages if "base-0.job.json" in message]
    assert len(lines) == 1  # told once, in one line
    assert "\n" not in lines[0]


@needs_root
def test_a_work_folder_of_another_user_is_not_joined(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    os.chown(tmp_path / "work", NOBODY, NOBODY)
    with pytest.raises(UserError, match="belongs to user nobody"):
        join(two(tmp_path / "work"), 1)
