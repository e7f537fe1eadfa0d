from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import Refusal
from flows.journey import MARK, Journey, end_leftovers, holding

HOLD = "import sys,time\nfrom pathlib import Path\nfrom flows.journey import holding\n"


def test_one_run_at_a_time(tmp_path: Path) -> None:
    code = HOLD + "with holding(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Refusal, match=rf"in use by another run \(process {other.pid}\)"), holding(tmp_path):
            pass
        other.kill()
    with holding(tmp_path):  # a killed run holds nothing
        pass


def test_what_a_killed_run_left_is_ended(tmp_path: Path) -> None:
    environment = {**os.environ, MARK: str(tmp_path.resolve())}
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment)
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, MARK: str(tmp_path / "other")}
    )
    time.sleep(0.2)
    end_leftovers(tmp_path)
    assert left.wait(timeout=10) == -9
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"), holding(tmp_path / "file"):
        pass


def test_no_record(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no run of contracts"):
        Journey(tmp_path, "contracts").read()
