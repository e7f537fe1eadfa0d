"""Tracking in a background thread: no stage waits for MLflow's import, tables or server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from domain.artifacts import Artifact, Release
from domain.spec import Spec
from domain.stage import A, Stage
from flows.tracking.tracker import Tracker, quietly

Call = Callable[[], object]


class BackgroundTracker(Tracker):
    """Calls ``tracker`` in order from a thread; waits only where a metrics file is read, and at the end.

    The thread is a daemon, so that one that waits for a dead server does not keep an interrupted command from ending.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.uri = tracker, tracker.uri
        self.calls = SimpleQueue[Call | threading.Event]()
        self.teller: threading.Thread | None = None

    def prepare(self) -> None:
        """Start the thread, and import MLflow in it."""
        if self.teller is None:
            self.teller = threading.Thread(target=self.work, daemon=True)
            self.teller.start()
            self.calls.put(self.tracker.prepare)

    def work(self) -> None:
        """Run queued calls, for as long as the process lives."""
        while True:
            call = self.calls.get()
            if isinstance(call, threading.Event):
                call.set()  # also after a failure: a caller waits for it
            else:
                self.tell(call)

    @quietly
    def tell(self, call: Call) -> None:
        """Run one call."""
        call()

    def wait(self) -> None:
        """Wait until every queued call has run."""
        reached = threading.Event()
        self.calls.put(reached)
        reached.wait()
        self.broken = self.broken or self.tracker.broken

    def __enter__(self) -> Self:
        self.prepare()
        self.calls.put(self.tracker.__enter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.calls.put(partial(self.tracker.__exit__, kind, error, trace))
        self.wait()

    def started(self, label: str, request: str, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact]) -> None:
        """Queue the call."""
        self.calls.put(partial(self.tracker.started, label, request, made_by, spec, parents))

    def forward(self, request: str, spool: Path) -> None:
        """Queue it and wait: the metrics file may be removed afterwards."""
        self.calls.put(partial(self.tracker.forward, request, spool))
        self.wait()

    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """Queue the call."""
        self.calls.put(partial(self.tracker.finished, label, request, artifact, parents, seconds))

    def pages(self, paths: Sequence[Path]) -> None:
        """Queue the call."""
        self.calls.put(partial(self.tracker.pages, paths))

    def register(self, name: str, release: Release) -> None:
        """Queue the call."""
        self.calls.put(partial(self.tracker.register, name, release))
