"""Checkpoint folders on disk: written aside, sealed and renamed; damaged ones are skipped."""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

from domain.files import remove
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import Damaged, seal, verify, write_atomically, write_json
from domain.training.state.metadata import read_metadata

logger = logging.getLogger(__name__)

STATE = "state.json"
STEP = re.compile(r"step-([0-9]{9,15})")
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
            remove(each)

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
                refuse_damaged(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged, using the previous one: %s", each.name, error)
                damaged = each.with_name(f"damaged-{each.name}")
                remove(damaged)
                os.rename(each, damaged)
            else:
                return number(each)
        return None

    def newest_anchor(self) -> int | None:
        """The newest valid anchor step."""
        for each in self.anchors():
            try:
                refuse_damaged(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged: %s", each.name, error)
            else:
                return number(each)
        return None

    def go_back(self, step: int) -> int:
        """Return ``step`` after removing all later checkpoints. Raises ``Damaged`` if it is damaged."""
        refuse_damaged(self.at(step))
        for each in self.newest_first():
            if number(each) > step:
                self.remove(each)
        return step

    def state(self, step: int) -> dict[str, Any]:
        """The state that ``complete`` saved."""
        return read_json(self.at(step) / STATE)

    def newest_first(self) -> list[Path]:
        """All checkpoint folders, unverified."""
        return sorted((each for each in self.folder.glob("step-*") if STEP.fullmatch(each.name)), reverse=True)

    def anchors(self) -> list[Path]:
        """The folders of anchors, newest first."""
        return [each for each in self.newest_first() if (each / ANCHOR).exists()]

    def remove(self, folder: Path) -> None:
        """Remove a checkpoint, renaming it first so that no partial one is visible."""
        gone = folder.with_name(f".gone-{folder.name}")
        remove(gone)
        os.rename(folder, gone)
        remove(gone)


def refuse_damaged(folder: Path) -> None:
    """Raise ``Damaged`` for a folder that is not a whole checkpoint: its bytes, its metadata or its state."""
    verify(folder)
    read_metadata(folder)
    try:
        read_json(folder / STATE)
    except (OSError, JSONFileError) as error:
        raise Damaged(f"{folder / STATE}: {error}") from None


def copy_checkpoint(folder: Path, target: Path) -> None:
    """Copy ``folder`` to ``target`` atomically, with hard links where the file system allows."""
    building = target.with_name(f".{target.name}")
    for each in (building, target):
        remove(each)
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
