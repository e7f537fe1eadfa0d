"""The tests of the deciding modules kill their mutants."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.soak.score import DECIDING, HOME


@pytest.mark.parametrize("module", DECIDING)
def test_at_most_two_mutants_survive(module: str) -> None:
    # A new Python, which has not imported the module, nor libraries whose threads would not survive a fork.
    command = [sys.executable, "-m", "tests.soak.score", module, "--jobs", "1"]
    ended = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
