"""Mutated files of every kind that is read: no traceback, no hang, and nothing changes beside the work folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.flows.conftest import recipe_of
from tests.flows.fuzzing import KINDS, fuzz_once, targets

EXAMPLES = 25  # of each kind


@pytest.fixture
def fuzz(
    undisturbed: Path, texts: Path, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], int]:
    """``fuzz(kind, examples)``: how many of these were refused."""
    work, outside, folder = tmp_path / "in" / "work", tmp_path / "outside", tmp_path / "in"
    shutil.copytree(undisturbed, work)
    outside.mkdir()
    (outside / "keys").write_text("secret")
    (folder / "link").symlink_to(outside / "keys")
    monkeypatch.chdir(outside)
    monkeypatch.setenv("HOME", str(outside))
    monkeypatch.setattr("flows.command.check.installation", lambda machine: iter(()))

    def run(kind: str, examples: int) -> int:
        chosen, refusals = targets(kind, folder, work, recipe_of(texts), command.ask), 0

        @settings(
            max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.randoms(use_true_random=True))
        def each(random: Random) -> None:
            nonlocal refusals
            refusals += fuzz_once(random.choice(chosen), random, outside)

        each()
        return refusals

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_written_is_read_or_refused(fuzz: Callable[[str, int], int], kind: str) -> None:
    assert 0 < fuzz(kind, EXAMPLES) < EXAMPLES
