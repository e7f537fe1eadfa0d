"""A whole run killed at random moments of every stage ends with the digests of an undisturbed one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.flows.run.kills import killed_after, left_running, mark_of


@pytest.mark.parametrize("chain", range(2))
def test_ten_kills_over_every_stage(chain: int, undisturbed: Path, tmp_path: Path, command: Any) -> None:
    (tmp_path / "contracts.yaml").write_bytes((undisturbed.parent / "contracts.yaml").read_bytes())
    (tmp_path / "machine.yaml").write_text("checkpoint_seconds: 0.01\n")
    run = ("run", "contracts.yaml", "--as-of", command.day, "--machine", "machine.yaml", *command.machine)
    work, seed = tmp_path / "work", int.from_bytes(os.urandom(4), "big")
    print(f"chain {chain}: killed at random moments by seed {seed}")
    total = len(command.digests(undisturbed))
    marks = killed_after(lambda: command.begin(*run, folder=tmp_path), work, range(total), seed)
    assert len(marks) >= total - 3  # the last stages may end before their moment has come
    last = command.begin(*run, folder=tmp_path)
    _, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors
    assert "Traceback" not in errors
    assert command.digests(work) == command.digests(undisturbed)
    assert left_running(*marks, mark_of(work)) == []
