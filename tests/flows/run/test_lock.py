from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import UserError
from flows.run.lock import RUN_MARK, end_leftovers, holder, holding, mark_in, marked
from tests.other_user import NOBODY, needs_root

HOLD = "import os,sys,time\nfrom pathlib import Path\nfrom flows.run.lock import holding\n"
SLEEP = "import time; time.sleep(60)"


def sleeper(mark: str, user: int | None = None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, RUN_MARK: mark}
    command = [sys.executable, "-c", SLEEP] if user is None else ["/bin/sleep", "60"]
    return subprocess.Popen(command, env=environment, user=user)


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
    others = [sleeper(each) for each in ("0" * 32, str(tmp_path), "", mark.partition(":")[0], f"{mark}0")]
    time.sleep(0.2)
    with holding(tmp_path):
        assert left.poll() == -9 or left.wait(timeout=1) == -9
        assert os.environ[RUN_MARK] != mark
    assert RUN_MARK not in os.environ
    assert [other.poll() for other in others] == [None] * 5
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


def test_a_lock_names_no_process_of_another_folder(tmp_path: Path) -> None:
    """The mark of another run is readable by its user, who may have it copied along with the folder."""
    with holding(tmp_path / "other"):
        theirs = sleeper(os.environ[RUN_MARK])
        time.sleep(0.2)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "lock").write_bytes((tmp_path / "other" / "lock").read_bytes())
        with holding(tmp_path / "mine"):
            assert theirs.poll() is None
    theirs.kill()
    theirs.wait()


@needs_root
def test_a_process_of_another_user_is_left_alone(tmp_path: Path) -> None:
    mark = mark_in(tmp_path, "a" * 32)
    (tmp_path / "lock").write_text(f"1 {'a' * 32}")
    theirs, mine = sleeper(mark, NOBODY), sleeper(mark)
    time.sleep(0.2)
    with holding(tmp_path):
        assert (theirs.poll(), mine.wait(timeout=1)) == (None, -9)
    theirs.kill()
    theirs.wait()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"-1 " + b"a" * 32,
        b"1",
        b"9" * 150,
        b"0 " + b"\x1b[2J" * 9,
        b"1 ../../x",
        b"x" * 1_000_000,
    ],
)
def test_a_lock_of_any_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert holder(tmp_path) is None
    with holding(tmp_path):
        assert (tmp_path / "lock").read_text().startswith(f"{os.getpid()} ")


def test_a_lock_with_a_second_name_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "work").mkdir()
    os.link(tmp_path / "precious", tmp_path / "work" / "lock")
    words = r"lock: cannot be written \(it is not a regular file of one name"
    with pytest.raises(UserError, match=words), holding(tmp_path / "work"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link"])
def test_nobody_holds_what_is_no_lock(tmp_path: Path, kind: str) -> None:
    if kind == "FIFO":
        os.mkfifo(tmp_path / "lock")
    elif kind == "folder":
        (tmp_path / "lock").mkdir()
    else:
        (tmp_path / "lock").symlink_to("/proc/self/stat")
    assert holder(tmp_path) is None
