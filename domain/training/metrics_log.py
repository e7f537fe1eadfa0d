"""The points of a training, a JSON line each; whoever tracks the run reads them from there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from domain.manifest import write_atomically, write_json


def spool_path(out: Path) -> Path:
    """Where a stage that builds in ``out`` spools: beside it, so that speed never enters an artifact."""
    return out.with_name(f"{out.name}.spool.jsonl")


def about_path(path: Path) -> Path:
    """Where a spool's training says what is the same for all its points."""
    return path.with_suffix(".json")


def read_about(path: Path) -> dict[str, Any]:
    """What is the same for all points of a spool; nothing where that is not known yet."""
    try:
        facts: dict[str, Any] = json.loads(about_path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return facts


def read_points(path: Path) -> list[dict[str, Any]]:
    """All complete points; a line that a crash cut short is left out."""
    points = []
    if path.exists():
        for text in path.read_bytes().splitlines():
            try:
                points.append(json.loads(text))
            except ValueError:
                break
    return points


def point_line(point: dict[str, Any]) -> bytes:
    """A point as its line. The standard library's JSON writes NaN and reads it back, which a skipped step may have."""
    return json.dumps(point, sort_keys=True).encode() + b"\n"


def write_points(path: Path, points: list[dict[str, Any]]) -> None:
    """These points and no others."""
    write_atomically(path, b"".join(map(point_line, points)))


class Spool:
    """Appends points; begins again after the step ``done``, dropping what a crash left beyond it."""

    def __init__(self, path: Path, *, done: int) -> None:
        write_points(path, [point for point in read_points(path) if point["step"] <= done])
        self.path, self.described = path, False
        self.file = path.open("ab")

    def about(self, facts: dict[str, Any]) -> None:
        """Say what is the same for all points; only the first call does."""
        if not self.described:
            write_json(about_path(self.path), facts)
            self.described = True

    def add(self, **point: float) -> None:
        """Append one point and hand it to the operating system."""
        self.file.write(point_line(point))
        self.file.flush()

    def sync(self) -> None:
        """Have the disk hold them: a checkpoint must not be ahead of its points."""
        os.fsync(self.file.fileno())
