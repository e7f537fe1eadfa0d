"""What the suite says of itself: which tests it leaves to the soak, and what it skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent

SKIPPING = """
import pytest

def test_passes(): pass

def test_data(): pytest.skip("SHOPTALK_TEST_DATA is not set")

@pytest.mark.gpu
def test_gpu(): pass

@pytest.mark.skipif(True, reason="no openssl")
def test_openssl(): pass

@pytest.mark.network
def test_network(): pass
"""


def last_line(folder: Path, *arguments: str) -> str:
    """The last line that pytest prints over a folder with this suite's conftest."""
    (folder / "conftest.py").write_bytes((HOME / "tests" / "conftest.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", *arguments]
    lacking = {"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(HOME)}
    answer = subprocess.run(command, cwd=folder, env=lacking, capture_output=True, text=True, check=False)
    return answer.stdout.splitlines()[-1]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_was_skipped_is_the_last_line(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_some.py").write_text(SKIPPING)
    assert last_line(tmp_path, *workers) == (
        "skipped: 1 for want of a GPU, 1 for want of a network, 1 for want of data, 1 no openssl"
    )


def test_nothing_was_skipped(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text("def test_passes(): pass\n")
    assert last_line(tmp_path) == "skipped: nothing"


def test_the_soak_runs_only_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text("def test_passes(): pass\n")
    (tmp_path / "soak").mkdir()
    (tmp_path / "soak" / "test_long.py").write_text("import pytest\ndef test_long(): pytest.skip('long')\n")
    assert last_line(tmp_path) == "skipped: nothing"
    assert last_line(tmp_path, "soak") == "skipped: 1 long"
    assert last_line(tmp_path, "-m", "soak") == "skipped: 1 long"


def test_a_marked_test_is_left_to_the_soak(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        "import pytest\n@pytest.mark.soak\ndef test_long(): pytest.skip('long')\ndef test_short(): pass\n"
    )
    assert last_line(tmp_path) == "skipped: nothing"
    assert last_line(tmp_path, "test_some.py::test_long") == "skipped: 1 long"
    assert last_line(tmp_path, "-m", "soak", "-n", "1") == "skipped: 1 long"
