"""Each task once on this machine and on Slurm, none lost; a death or an error is told. For Ray see ``test_curate``."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.machine import Machine, Slurm

BLOCK = """
import os
import time
from pathlib import Path
from datatrove.pipeline.base import PipelineStep

class Block(PipelineStep):
    name, type = "block", "writer"

    def __init__(self, out, what=""):
        super().__init__()
        self.out, self.what = out, what

    def run(self, data, rank=0, world_size=1):
        with (Path(self.out) / f"{rank}").open("a") as file:
            file.write("x")
        if self.what == "sleep":
            time.sleep(600)
        if self.what == "raise" and rank == 2:
            raise OSError(28, "No space left on device")
        if self.what == "die once" and rank == 1 and (Path(self.out) / "1").read_text() == "x":
            os.kill(os.getpid(), 9)
        if self.what == "die" and rank == 1:
            os.kill(os.getpid(), 9)
        yield from ()
"""


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "house_block.py").write_text(BLOCK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    sys.modules.pop("house_block", None)
    from house_block import Block  # type: ignore[import-not-found]

    (tmp_path / "out").mkdir()
    return lambda what="": Block(str(tmp_path / "out"), what)


def done(tmp_path: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}


EACH_ONCE = {str(rank): "x" for rank in range(5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_once_and_never_skipped(block: Any, tmp_path: Path, workers: int) -> None:
    from corpora.executor import execute

    for _ in range(2):  # datatrove alone would find the first run's completions, and do nothing
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        execute([block()], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=workers))
        assert done(tmp_path) == EACH_ONCE


def test_an_error_of_a_block_is_raised(block: Any, tmp_path: Path) -> None:
    from corpora.executor import execute

    with pytest.raises(OSError, match="No space left"):
        execute([block("raise")], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))


def test_what_a_dead_worker_left_is_tried_again(block: Any, tmp_path: Path) -> None:
    from corpora.executor import execute

    execute([block("die once")], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))
    assert done(tmp_path).keys() == EACH_ONCE.keys()
    assert done(tmp_path)["1"] == "xx"


def test_workers_that_go_on_dying_are_told(block: Any, tmp_path: Path) -> None:
    from corpora.executor import execute

    with pytest.raises(
        UserError, match=r"curate: its workers died 12 times with 1 of 3 shards left, perhaps out of memory"
    ):
        execute([block("die")], tasks=3, what="curate", logs=tmp_path / "logs", machine=Machine(workers=1))


KILLED = """
import sys
from pathlib import Path
from corpora.executor import execute
from domain.machine import Machine
from house_block import Block

if __name__ == "__main__":
    block = Block(sys.argv[1], "sleep")
    execute([block], tasks=2, what="test", logs=Path(sys.argv[1]).parent / "logs", machine=Machine(workers=2))
"""


def test_workers_end_with_a_run_that_is_killed(block: Any, tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).resolve().parents[2]}"}
    command = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "out")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while len(done(tmp_path)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.communicate(timeout=20)  # the pipes close when all that hold them have ended
    assert done(tmp_path) == {"0": "x", "1": "x"}


def test_a_ray_cluster_that_is_not_there(block: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from corpora.executor import execute

    machine = Machine(executor="ray", ray="127.0.0.1:1")
    with pytest.raises(UserError, match=r"ray: 127.0.0.1:1: no Ray cluster answers"):
        execute([block()], tasks=5, what="test", logs=tmp_path / "logs", machine=machine)


# What Slurm does with an array job, on this machine: runs the script once for each index, with the index in its
# environment; the queue is empty when all have ended.
SBATCH = """#!/usr/bin/env bash
script=$(mktemp); cat ${@: -1} > $script
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' $script)
[ -z "$last" ] || for i in $(seq 0 $last); do SLURM_ARRAY_TASK_ID=$i RUN_OFFSET=0 bash $script >/dev/null 2>&1; done
echo Submitted batch job 17
"""


def test_slurm_does_the_same(block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from corpora.executor import execute

    with pytest.raises(ValueError, match="executor slurm needs slurm"):
        Machine(executor="slurm")
    machine = Machine(executor="slurm", slurm=Slurm(partition="cpu"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(UserError, match="there is no sbatch on this machine"):
        execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=machine)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (
        ("sbatch", SBATCH),
        ("squeue", "#!/bin/sh\n"),
        ("srun", '#!/bin/sh\nshift 3\nexec "$@"\n'),
    ):
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=machine)
    assert done(tmp_path) == {str(rank): "x" for rank in range(3)}


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_what_workers_write_is_as_private_as_the_caller_wants(block: Any, tmp_path: Path, umask: int) -> None:
    from corpora.executor import execute

    before = os.umask(umask)
    try:
        execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))
    finally:
        os.umask(before)
    written = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    assert len(written) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o666 & ~umask}
