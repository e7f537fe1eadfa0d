"""Checkpoint folders on disk: written aside, sealed and renamed; damaged ones are skipped."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from domain.manifest import Damaged, seal, verify, write_atomically, write_json

logger = logging.getLogger(__name__)

STATE = "state.json"
ANCHOR = "anchor"  # an empty file in the folders of anchors


class CheckpointFolders:
    """The checkpoint folders ``step-<number>`` in ``folder``; other entries are unfinished or damaged.

    A checkpoint is renamed once all files and their SHA-256 are on disk, so a crash never leaves a partial one.
    The newest ``keep`` and the newest anchor stay; permanent ones are also put in ``lasting``.
    """

    def __init__(self, folder: Path, keep: int, lasting: Path | None = None) -> None:
        self.folder, self.keep, self.lasting = folder, keep, lasting

    def tidy(self) -> None:
        """Remove unfinished checkpoints."""
        for place in filter(None, (self.folder, self.lasting)):
            place.mkdir(parents=True, exist_ok=True)
            sync(place.parent)
        for each in self.folder.glob(".*"):
            shutil.rmtree(each)

    def at(self, step: int) -> Path:
        """The checkpoint folder of a step."""
        return self.folder / f"step-{step:09d}"

    def aside(self, step: int) -> Path:
        """The folder in which the checkpoint of a step is written."""
        return self.folder / f".step-{step:09d}"

    def complete(self, step: int, state: dict[str, Any], anchor: bool, lasts: bool) -> None:
        """Finish the checkpoint of ``step``: write state and manifest, then rename it, each on disk before the next."""
        building, target = self.aside(step), self.at(step)
        write_json(building / STATE, state)
        if anchor:
            write_atomically(building / ANCHOR, b"")
        for path in building.iterdir():
            sync(path)  # torch syncs before it flushes its metadata
        seal(building)
        sync(building)
        if target.exists():
            self.remove(target)
        os.rename(building, target)
        sync(self.folder)
        if lasts and self.lasting:
            copy_checkpoint(target, self.lasting / target.name)
        stay = {*self.newest_first()[: self.keep], *self.anchors()[:1]}
        for each in self.newest_first():
            if each not in stay:
                self.remove(each)

    def abandon(self, step: int) -> None:
        """Remove the unfinished checkpoint of ``step``, to free space on a full disk."""
        shutil.rmtree(self.aside(step), ignore_errors=True)

    def newest(self) -> int | None:
        """The newest valid step. Damaged checkpoints are renamed with a warning."""
        for each in self.newest_first():
            try:
                verify(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged, using the previous one: %s", each.name, error)
                damaged = each.with_name(f"damaged-{each.name}")
                shutil.rmtree(damaged, ignore_errors=True)
                os.rename(each, damaged)
            else:
                return number(each)
        return None

    def newest_anchor(self) -> int | None:
        """The newest valid anchor step."""
        for each in self.anchors():
            try:
                verify(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged: %s", each.name, error)
            else:
                return number(each)
        return None

    def go_back(self, step: int) -> int:
        """Return ``step`` after removing all later checkpoints. Raises ``Damaged`` if it is damaged."""
        verify(self.at(step))
        for each in self.newest_first():
            if number(each) > step:
                self.remove(each)
        return step

    def state(self, step: int) -> dict[str, Any]:
        """The state that ``complete`` saved."""
        state: dict[str, Any] = json.loads((self.at(step) / STATE).read_bytes())
        return state

    def newest_first(self) -> list[Path]:
        """All checkpoint folders, unverified."""
        return sorted(self.folder.glob("step-*"), reverse=True)

    def anchors(self) -> list[Path]:
        """The folders of anchors, newest first."""
        return [each for each in self.newest_first() if (each / ANCHOR).exists()]

    def remove(self, folder: Path) -> None:
        """Remove a checkpoint, renaming it first so that no partial one is visible."""
        gone = folder.with_name(f".gone-{folder.name}")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(folder, gone)
        shutil.rmtree(gone)


def copy_checkpoint(folder: Path, target: Path) -> None:
    """Copy ``folder`` to ``target`` atomically, with hard links where the file system allows."""
    building = target.with_name(f".{target.name}")
    for each in (building, target):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(folder, building, copy_function=linked)
    sync(building)
    os.rename(building, target)
    sync(target.parent)


def linked(source: str, target: str) -> None:
    """Hard-link a file, or copy it where links are not possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        sync(Path(target))


def number(folder: Path) -> int:
    """The step of a checkpoint folder."""
    return int(folder.name.removeprefix("step-"))


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
