"""The metrics log of a training: a JSON line per step, read by whatever tracks the run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from domain.jsonfile import JSONFileError, read_json
from domain.manifest import write_atomically, write_json


def spool_path(out: Path) -> Path:
    """The metrics log of a stage that builds in ``out``: beside it, so that speed never enters the artifact."""
    return out.with_name(f"{out.name}.spool.jsonl")


def about_path(path: Path) -> Path:
    """The file of facts that hold for all points of a log."""
    return path.with_suffix(".json")


def read_about(path: Path) -> dict[str, Any]:
    """Facts that hold for all points of a log; empty if not written yet."""
    try:
        return read_json(about_path(path))
    except (OSError, JSONFileError):
        return {}


def read_points(path: Path) -> list[dict[str, Any]]:
    """All complete points; a truncated last line is ignored, and so is everything after a line that is not a point."""
    points = []
    if path.exists():
        for text in path.read_bytes().splitlines():
            try:
                point = json.loads(text)
            except (ValueError, RecursionError):
                break
            if not isinstance(point, dict) or not isinstance(point.get("step"), int):
                break
            points.append(point)
    return points


def point_line(point: dict[str, Any]) -> bytes:
    """A point as its line. The standard library's JSON writes NaN and reads it back, which a skipped step may have."""
    return json.dumps(point, sort_keys=True).encode() + b"\n"


def write_points(path: Path, points: list[dict[str, Any]]) -> None:
    """Replace the log by these points."""
    write_atomically(path, b"".join(map(point_line, points)))


class MetricsLog:
    """Appends points to the log; drops points after the step ``done``, which a crash left behind."""

    def __init__(self, path: Path, *, done: int) -> None:
        write_points(path, [point for point in read_points(path) if point["step"] <= done])
        self.path, self.described = path, False
        self.file = path.open("ab")

    def about(self, facts: dict[str, Any]) -> None:
        """Write the facts that hold for all points; later calls do nothing."""
        if not self.described:
            write_json(about_path(self.path), facts)
            self.described = True

    def add(self, **point: float) -> None:
        """Append a point and flush it to the operating system."""
        self.file.write(point_line(point))
        self.file.flush()

    def sync(self) -> None:
        """Flush to disk (fsync): a checkpoint must not be ahead of its points."""
        os.fsync(self.file.fileno())
