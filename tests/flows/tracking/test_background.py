"""Told in its order and in time, by a thread that neither stages nor an interrupted command wait for."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.tracking.background import BackgroundTracker
from flows.tracking.tracker import Tracker


class Slow(Tracker):
    """Notes what it is told once it is let go."""

    uri = "sqlite:///slow.db"

    def __init__(self) -> None:
        self.told, self.go = list[Any](), threading.Event()

    def note(self, *what: Any) -> None:
        self.go.wait()
        self.told.append(what)

    def prepare(self) -> None:
        self.note("prepare")

    def __enter__(self) -> Any:
        self.note("begin")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.note("end", kind)

    def started(self, label: str, *_: Any) -> None:
        self.note("started", label)

    def forward(self, request: str, spool: Path) -> None:
        self.note("points", spool.read_text())

    def finished(self, label: str, *_: Any) -> None:
        self.note("finished", label)

    def register(self, name: str, *_: Any) -> None:
        self.note("register", name)


def test_stages_do_not_wait_and_points_are_read_before_they_go(tmp_path: Path) -> None:
    slow, none = Slow(), SimpleNamespace()
    behind = BackgroundTracker(slow)
    assert behind.uri == slow.uri
    behind.prepare()
    behind.prepare()
    spool = tmp_path / "spool"
    spool.write_text("3 points")
    with behind as told:
        told.started("base", "r", none, none, ())
        assert slow.told == []
        threading.Timer(0.2, slow.go.set).start()
        told.forward("r", spool)
        spool.unlink()
        told.finished("base", "r", none, (), 1.0)
        told.register("contracts", none)
    assert slow.told == [
        ("prepare",), ("begin",), ("started", "base"), ("points", "3 points"), ("finished", "base"),
        ("register", "contracts"), ("end", None),
    ]  # fmt: skip


def test_what_fails_is_said_once_and_waited_for_no_longer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.go.set()
    began = time.monotonic()
    with BackgroundTracker(slow) as told:
        told.forward("r", tmp_path / "none")
        told.forward("r", tmp_path / "none")
    assert told.broken
    assert time.monotonic() - began < 5
    assert caplog.text.count("the run goes on untracked") == 1
