"""Runs every stage: looks up its artifact by identity, else executes it, seals it and tracks it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from datetime import date
from pathlib import Path
from typing import Protocol, TypeVar

from corpora.curate import Curation
from domain.artifacts import Artifact, Release
from domain.errors import UserError
from domain.files import remove
from domain.machine import Machine
from domain.manifest import SCRATCH, Damaged
from domain.planning.speed import Measured
from domain.spec import Spec
from domain.stage import A, Stage, Store
from domain.training.metrics_log import about_path, spool_path
from flows.adapt import NO_PARENTS, adapt
from flows.recipe.recipe import Recipe
from flows.releases.registry import record_release
from flows.run.actuals import comparison, measure, took
from flows.run.disk import disk_error
from flows.run.launch import launch
from flows.run.lineage import note, with_earlier
from flows.run.pages import PAGES_AFTER, write_pages
from flows.run.record import RunRecord
from flows.run.stages import beyond
from flows.tracking.tracker import Tracker

logger = logging.getLogger(__name__)
T = TypeVar("T")

FORWARD_SECONDS = 10.0


class Unfinished(Exception):
    """A stage has no finished artifact yet."""


class Reached(Exception):
    """The last stage of a run (``until``) is finished."""


def find(store: Store, made_by: Stage[A], parents: Mapping[str, Artifact], request: str) -> A | None:
    """The finished artifact if it was made from exactly these parents, else None. Changes nothing.

    A damaged parent that was rebuilt on other hardware may differ under the same identity; then what was made from the
    old one has to be rebuilt too.
    """
    artifact = store.find(made_by, request)
    if artifact is None:
        return None
    recorded = {name: parent["digest"] for name, parent in artifact.manifest["parents"].items()}
    return artifact if recorded == {name: parent.digest for name, parent in parents.items()} else None


class Finder:
    """A runner that looks up artifacts: raises ``Unfinished`` at the first stage without one."""

    def __init__(self, store: Store, machine: Machine, until: str) -> None:
        self.store, self.machine, self.until = store, machine, until
        self.artifacts: list[tuple[str, Artifact]] = []

    def __call__(
        self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact] = NO_PARENTS, *, label: str = ""
    ) -> A:
        """The finished artifact."""
        if beyond(made_by.name, self.until):
            raise Reached
        artifact = find(self.store, made_by, parents, made_by.request(spec, parents, self.machine))
        if artifact is None:
            raise Unfinished(label or made_by.name)
        self.artifacts.append((label or made_by.name, artifact))
        return artifact


def find_all(
    recipe: Recipe, as_of: date, store: Store, machine: Machine, until: str
) -> tuple[list[tuple[str, Artifact]], bool]:
    """The finished artifacts in order, and whether they are all up to ``until``."""
    finder = Finder(store, machine, until)
    try:
        adapt(with_earlier(recipe, as_of, machine.work), as_of, finder)
    except Unfinished:
        return finder.artifacts, False
    except Reached:
        pass
    return finder.artifacts, True


class Engine(Protocol):
    """Turns a call into a task of that label."""

    def __call__(self, label: str, call: Callable[[], A]) -> Callable[[], A]:
        """The call as a task."""
        ...


def directly(label: str, call: Callable[[], A]) -> Callable[[], A]:
    """No engine: the call itself."""
    return call


class StageRunner:
    """A runner that executes missing stages, each as a task of ``engine``."""

    def __init__(
        self,
        *,
        machine: Machine,
        store: Store,
        journey: RunRecord,
        tracker: Tracker,
        until: str,
        engine: Engine = directly,
    ) -> None:
        self.machine, self.store, self.journey = machine, store, journey
        self.tracker, self.until, self.engine = tracker, until, engine

    def __call__(
        self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact] = NO_PARENTS, *, label: str = ""
    ) -> A:
        """Look up the artifact or make it, and track it either way."""
        if beyond(made_by.name, self.until):
            raise Reached
        label = label or made_by.name
        # Without arguments: Prefect would search every argument for futures.
        return self.engine(label, lambda: self.find_or_make(made_by, spec, parents, label))()

    def find_or_make(self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact], label: str) -> A:
        """The body of one task."""
        request = made_by.request(spec, parents, self.machine)
        began = time.monotonic()
        cached = find(self.store, made_by, parents, request)
        if cached is None:
            logger.info("%s: running", label)
            self.journey.enter(label)
            artifact = self.make(made_by, spec, parents, request, label)
            seconds = time.monotonic() - began
            logger.info("%s: done in %.0f s", label, seconds)
        else:
            artifact, seconds = cached, None
            logger.info("%s: cached", label)
        learned = took(Measured(self.machine.work), artifact.identity)
        if learned and seconds is not None:
            logger.info("%s: %s", label, comparison(learned))
        self.journey.add(label, artifact, seconds, learned)
        if isinstance(spec, Curation):
            content = self.journey.stored()
            note(self.machine.work, content["recipe"], content["as_of"], artifact, spec.earlier)
        self.tracker.finished(label, request, artifact, parents, seconds)
        if label in PAGES_AFTER:
            self.tracker.pages(write_pages(self.journey))
        return artifact

    def make(self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact], request: str, label: str) -> A:
        """Build in the store's workplace, forward metrics while it runs, and store the result.

        Raises ``Damaged`` if the bytes of a parent differ from its manifest.
        """
        self.store.verify(parents.values())
        out = self.store.workplace(made_by, request)
        spool = spool_path(out)
        self.tracker.started(label, request, made_by, spec, parents)
        done = threading.Event()

        def forward() -> None:
            while not done.wait(FORWARD_SECONDS):
                self.tracker.forward(request, spool)

        watcher = threading.Thread(target=copy_context().run, args=(forward,), daemon=True)
        watcher.start()
        try:
            built = self.build(made_by, spec, parents, request, out)
        finally:
            done.set()
            watcher.join()
        self.tracker.forward(request, spool)
        measure(label, spec, parents, built, spool, self.machine)
        spool.unlink(missing_ok=True)
        about_path(spool).unlink(missing_ok=True)
        if aside := self.store.set_aside(made_by, request):
            logger.info("%s: the previous artifact was made from older inputs and is now %s", label, aside)
        return self.store.keep(made_by, request, built)

    def build(self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact], request: str, out: Path) -> A:
        """Run the stage into ``out``, here or launched; what a killed run had sealed there for this request is used."""
        with suppress(Damaged):
            sealed = made_by.makes.open(out)
            if sealed.identity == (made_by.named_by(sealed.manifest["files"]) if made_by.snapshot else request):
                return sealed
        clear(out)
        try:
            if made_by.launched:
                launch(made_by, spec, parents, out=out, machine=self.machine)
                return made_by.makes.open(out)
            return made_by(spec, **parents, out=out, machine=self.machine)
        except OSError as error:
            refusal = disk_error(error, self.machine.work)
            raise (refusal or error) from error


def clear(out: Path) -> None:
    """Remove what a killed attempt left in ``out``, except its scratch folder."""
    for path in out.iterdir():
        if path.name != SCRATCH or not path.is_dir() or path.is_symlink():
            remove(path)


def travel(recipe: Recipe, as_of: date, runner: StageRunner) -> Release | None:
    """Run the workflow with ``runner`` up to its last stage, and register the release if there is one."""
    record, release = runner.journey, None
    content = recipe.model_dump(mode="json")
    with record.attempt(content, as_of.isoformat(), file=recipe.file, until=runner.until), runner.tracker:
        with suppress(Reached):
            work = runner.machine.work
            release = until_whole(lambda: adapt(with_earlier(recipe, as_of, work), as_of, runner), work)
        if release is not None:
            record_release(record.work, recipe.name, record.stored())
            runner.tracker.register(recipe.name, release)
    if not runner.tracker.broken:
        record.mark_tracked(runner.tracker.uri)
    return release


def until_whole(call: Callable[[], T], work: Path) -> T:
    """The result of ``call``, repeated if the input of a stage proves damaged, which is then rebuilt on the way.

    Raises ``UserError`` if the same artifact is damaged twice.
    """
    message = ""
    while True:
        try:
            return call()
        except Damaged as damage:
            if str(damage) == message:
                raise UserError(str(work), message, "check the disk, or set another --work") from None
            message = str(damage)
            logger.warning("%s; it is rebuilt", damage)
