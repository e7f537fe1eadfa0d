"""Shards on Slurm and Ray: what a cluster leaves is submitted again, then refused, and never run by whoever submits.

For a corpus made on Ray see ``test_curate``.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from corpora.workers import clusters
from corpora.workers.executor import execute
from domain.errors import UserError
from domain.machine import Machine, Slurm
from tests.corpora.pipeline_block import done, steps

SLURM = Machine(executor="slurm", slurm=Slurm(partition="cpu"))

# What Slurm does with an array job, on this machine: runs the script once for each index, with the index in its
# environment; the queue is empty when all have ended. Submissions before ``from`` are lost, as on a node that fails.
SBATCH = """#!/usr/bin/env bash
script=$(mktemp); cat ${@: -1} > $script
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' $script)
echo $last >> FOLDER/arrays
[ -z "$last" ] || [ $(grep -c . FOLDER/arrays) -lt FROM ] || for i in $(seq 0 $last); do
  SLURM_ARRAY_TASK_ID=$i RUN_OFFSET=0 ON_A_NODE=1 bash $script >/dev/null 2>&1; done
echo Submitted batch job 17
"""


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return steps(tmp_path, monkeypatch)


def slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, first: int = 1) -> None:
    """Slurm's commands on the PATH; what is submitted before the ``first`` time is lost."""
    tools = folder / "bin"
    tools.mkdir()
    for name, text in (
        ("sbatch", SBATCH.replace("FOLDER", str(folder)).replace("FROM", str(first))),
        ("squeue", "#!/bin/sh\n"),
        ("srun", '#!/bin/sh\nshift 3\nexec "$@"\n'),
    ):
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")


def arrays(folder: Path) -> list[int]:
    """The tasks of each array job that was submitted."""
    return [int(line) + 1 for line in (folder / "arrays").read_text().split()]


def test_no_slurm(block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="executor slurm needs slurm"):
        Machine(executor="slurm")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(UserError, match="there is no sbatch on this machine"):
        execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=SLURM)


def test_slurm_runs_each_shard_once_and_several_in_a_task(
    block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm(tmp_path, monkeypatch)
    execute([block()], tasks=18, what="test", logs=tmp_path / "logs", machine=SLURM)
    assert done(tmp_path) == {str(rank): "x" for rank in range(18)}
    assert arrays(tmp_path) == [2]  # 16 shards and 2


def test_what_a_job_leaves_is_submitted_again(block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(tmp_path, monkeypatch, first=2)
    execute([block("die once")], tasks=3, what="test", logs=tmp_path / "logs", machine=SLURM)
    assert done(tmp_path) == {"0": "x", "1": "xx", "2": "x"}
    assert arrays(tmp_path) == [1, 1]


def test_what_is_left_in_the_end_is_refused_and_not_run_here(
    block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm(tmp_path, monkeypatch, first=9)
    with pytest.raises(UserError, match=r"curate: slurm left 3 of 3 shards undone in 3 submissions\. Fix: look"):
        execute([block()], tasks=3, what="curate", logs=tmp_path / "logs", machine=SLURM)
    assert done(tmp_path) == {}
    assert arrays(tmp_path) == [1, 1, 1]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("raise", "curate: OSError: .*No space left on device.*traceback-0"),
        ("die", "curate: SIGKILL ended .* shard 2 of 3"),
    ],
)
def test_what_a_shard_raises_on_a_node_is_told_here(
    block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, message: str
) -> None:
    slurm(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=message):
        execute([block(what)], tasks=3, what="curate", logs=tmp_path / "logs", machine=SLURM)
    assert arrays(tmp_path) == [1]


def test_an_sbatch_that_refuses(block: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(tmp_path, monkeypatch)
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho invalid partition >&2\nexit 1\n")
    with pytest.raises(UserError, match="executor: sbatch failed with exit code 1"):
        execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=SLURM)


@pytest.mark.parametrize(
    ("shards", "workers", "size"), [(3, 0, 16), (1_000, 0, 16), (64, 4, 16), (10, 4, 2), (3, 4, 1)]
)
def test_a_task_has_64_mb_unless_workers_would_have_none(shards: int, workers: int, size: int) -> None:
    assert clusters.shards_per_task(shards, Machine(workers=workers)) == size


def test_a_ray_cluster_that_is_not_there(block: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    machine = Machine(executor="ray", ray="127.0.0.1:1")
    with pytest.raises(UserError, match=r"ray: 127.0.0.1:1: no Ray cluster answers"):
        execute([block()], tasks=5, what="test", logs=tmp_path / "logs", machine=machine)
