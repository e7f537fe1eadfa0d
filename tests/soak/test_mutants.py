"""The modules that decide are changed in one place at a time: their own tests must notice the changes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.soak.score import DECIDING, HOME


@pytest.mark.parametrize("module", DECIDING)
def test_all_mutants_but_two_are_noticed(module: str) -> None:
    # In a Python of its own, which has not imported the module yet, nor libraries whose threads a fork would lose.
    command = [sys.executable, "-m", "tests.soak.score", module, "--jobs", "1"]
    ended = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
