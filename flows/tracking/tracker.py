"""The interface of trackers; one that fails never stops the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from domain.artifacts import Artifact, Release
from domain.spec import Spec
from domain.stage import A, Stage
from domain.worker import FULL

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T", bound="Tracker")


class Tracker:
    """Logs nothing: the tracker of a run without tracking, and the interface of the others."""

    uri = "none"
    broken = False

    def prepare(self) -> None:
        """Import what it needs, before the run begins."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The run ends, with an error or without."""

    def started(self, label: str, request: str, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact]) -> None:
        """A stage begins."""

    def forward(self, request: str, spool: Path) -> None:
        """Log the new points of a training's metrics file."""

    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """A stage has its artifact, made in ``seconds``, or cached (None)."""

    def pages(self, paths: Sequence[Path]) -> None:
        """HTML pages of the run were written."""

    def register(self, name: str, release: Release) -> None:
        """Register the release, once, and point the alias at it."""


class Several(Tracker):
    """Several trackers as one; ``uri`` and ``broken`` are the first one's."""

    def __init__(self, *trackers: Tracker) -> None:
        self.trackers, self.uri = trackers, trackers[0].uri

    @property
    def broken(self) -> bool:  # type: ignore[override]
        """Whether the first one has failed."""
        return self.trackers[0].broken

    def prepare(self) -> None:
        """Prepare each."""
        for tracker in self.trackers:
            tracker.prepare()

    def __enter__(self) -> Self:
        for tracker in self.trackers:
            tracker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for tracker in self.trackers:
            tracker.__exit__(kind, error, trace)

    def started(self, label: str, request: str, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact]) -> None:
        """Each."""
        for tracker in self.trackers:
            tracker.started(label, request, made_by, spec, parents)

    def forward(self, request: str, spool: Path) -> None:
        """Each."""
        for tracker in self.trackers:
            tracker.forward(request, spool)

    def finished(
        self, label: str, request: str, artifact: Artifact, parents: Mapping[str, Artifact], seconds: float | None
    ) -> None:
        """Each."""
        for tracker in self.trackers:
            tracker.finished(label, request, artifact, parents, seconds)

    def pages(self, paths: Sequence[Path]) -> None:
        """Each."""
        for tracker in self.trackers:
            tracker.pages(paths)

    def register(self, name: str, release: Release) -> None:
        """Each."""
        for tracker in self.trackers:
            tracker.register(name, release)


def quietly(call: Callable[Concatenate[T, P], None]) -> Callable[Concatenate[T, P], None]:
    """After a first failure, warn once and skip all further calls: no training may depend on a server."""

    @wraps(call)
    def guarded(self: T, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.broken:
            return
        try:
            call(self, *args, **kwargs)
        except Exception as error:
            self.broken = True
            lines = str(error).splitlines() or [type(error).__name__]
            reason = next((line for line in lines if any(full in line for full in FULL)), lines[0])
            logger.warning("tracking: %s failed (%s); the run goes on untracked", self.uri, reason[:200])

    return guarded


def flattened(value: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists with dotted keys, None left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flattened(inner, f"{prefix}.{number}")
    elif value is not None:
        yield prefix, value
