from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import UserError
from flows.run.lock import RUN_MARK, end_leftovers, holding, marked

HOLD = "import os,sys,time\nfrom pathlib import Path\nfrom flows.run.lock import holding\n"
SLEEP = "import time; time.sleep(60)"


def sleeper(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SLEEP], env={**os.environ, RUN_MARK: mark})


def test_one_run_at_a_time(tmp_path: Path) -> None:
    code = HOLD + "with holding(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=rf"in use by another run \(process {other.pid}\)"), holding(tmp_path):
            pass
        other.kill()
    with holding(tmp_path):  # a killed run holds nothing
        pass


def test_a_forked_child_does_not_keep_the_folder(tmp_path: Path) -> None:
    code = HOLD + (
        "with holding(Path(sys.argv[1])):\n"
        "    os.fork() or print(os.getpid(), flush=True)\n"  # the child says it, once it has begun
        "    time.sleep(30)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        child = int(other.stdout.readline())
        other.kill()
        other.wait()
        try:
            with holding(tmp_path):
                pass
        finally:
            os.kill(child, 9)


def test_what_a_killed_run_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    with holding(tmp_path):
        mark = os.environ[RUN_MARK]
        left = sleeper(mark)
    others = [sleeper("0" * 32), sleeper(str(tmp_path)), sleeper("")]
    time.sleep(0.2)
    with holding(tmp_path):
        assert left.poll() == -9 or left.wait(timeout=1) == -9
        assert os.environ[RUN_MARK] != mark
    assert RUN_MARK not in os.environ
    assert [other.poll() for other in others] == [None] * 3
    for other in others:
        other.kill()
        other.wait()


def test_it_waits_until_they_are_gone() -> None:
    left = sleeper("f" * 32)
    time.sleep(0.2)
    wanted = f"{RUN_MARK}={'f' * 32}".encode()
    assert marked(wanted) == [left.pid]
    end_leftovers("f" * 32)
    assert marked(wanted) == []
    left.wait()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), holding(tmp_path / "file"):
        pass
