"""A pipeline's step that notes where it ran, and fails in one of several ways."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BLOCK = """
import os
import time
from pathlib import Path
from datatrove.pipeline.base import PipelineStep

class Block(PipelineStep):
    name, type = "block", "writer"

    def __init__(self, out, what=""):
        super().__init__()
        self.out, self.what = out, what

    def run(self, data, rank=0, world_size=1):
        with (Path(self.out) / f"{rank}").open("a") as file:
            file.write("x")
        if self.what == "sleep":
            time.sleep(600)
        if self.what == "raise" and rank == 2:
            raise OSError(28, "No space left on device")
        if self.what == "die once" and rank == 1 and (Path(self.out) / "1").read_text() == "x":
            os.kill(os.getpid(), 9)
        if self.what == "die" and rank == 1:
            os.kill(os.getpid(), 9)
        yield from ()
"""


def steps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``step(what="")``: it writes an x into ``out/<rank>`` of the folder for each time it runs."""
    (folder / "house_block.py").write_text(BLOCK)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(__file__).resolve().parents[2])
    )  # not the folder: a cluster is told of it
    sys.modules.pop("house_block", None)
    from house_block import Block  # type: ignore[import-not-found]

    (folder / "out").mkdir()
    return lambda what="": Block(str(folder / "out"), what)


def done(folder: Path) -> dict[str, str]:
    """What the step has written, by rank."""
    return {path.name: path.read_text() for path in (folder / "out").iterdir()}
