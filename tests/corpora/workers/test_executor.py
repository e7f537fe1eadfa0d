"""Each task once, none lost; a death or an error is told. For clusters see ``test_clusters``."""

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
from domain.machine import Machine
from tests.corpora.pipeline_block import done, steps


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return steps(tmp_path, monkeypatch)


EACH_ONCE = {str(rank): "x" for rank in range(5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_once_and_never_skipped(block: Any, tmp_path: Path, workers: int) -> None:
    from corpora.workers.executor import execute

    for _ in range(2):  # datatrove alone would find the first run's completions, and do nothing
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        execute([block()], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=workers))
        assert done(tmp_path) == EACH_ONCE


def test_an_error_of_a_block_is_raised(block: Any, tmp_path: Path) -> None:
    from corpora.workers.executor import execute

    with pytest.raises(OSError, match="No space left"):
        execute([block("raise")], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))


def test_what_a_dead_worker_left_is_tried_again(block: Any, tmp_path: Path) -> None:
    from corpora.workers.executor import execute

    execute([block("die once")], tasks=5, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))
    assert done(tmp_path).keys() == EACH_ONCE.keys()
    assert done(tmp_path)["1"] == "xx"


def test_workers_that_go_on_dying_are_told(block: Any, tmp_path: Path) -> None:
    from corpora.workers.executor import execute

    with pytest.raises(UserError, match=r"curate: SIGKILL ended the process of shard 2 of 3 again and again"):
        # A worker for each: with fewer, the last shard has its turn only if the second one's death is noticed late.
        execute([block("die")], tasks=3, what="curate", logs=tmp_path / "logs", machine=Machine(workers=3))
    assert done(tmp_path) == {"0": "x", "1": "xxx", "2": "x"}


KILLED = """
import sys
from pathlib import Path
from corpora.workers.executor import execute
from domain.machine import Machine
from house_block import Block

if __name__ == "__main__":
    block = Block(sys.argv[1], "sleep")
    execute([block], tasks=2, what="test", logs=Path(sys.argv[1]).parent / "logs", machine=Machine(workers=2))
"""


def test_workers_end_with_a_run_that_is_killed(block: Any, tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).resolve().parents[3]}"}
    command = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "out")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while len(done(tmp_path)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.communicate(timeout=20)  # the pipes close when all that hold them have ended
    assert done(tmp_path) == {"0": "x", "1": "x"}


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_what_workers_write_is_as_private_as_the_caller_wants(block: Any, tmp_path: Path, umask: int) -> None:
    from corpora.workers.executor import execute

    before = os.umask(umask)
    try:
        execute([block()], tasks=3, what="test", logs=tmp_path / "logs", machine=Machine(workers=2))
    finally:
        os.umask(before)
    written = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    assert len(written) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o666 & ~umask}
