"""The checkpoints on a disk: written aside, sealed, renamed; a damaged one is passed over."""

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
ANCHOR = "anchor"  # an empty file in those that are


class Steps:
    """The folders ``step-<number>`` in ``folder``; what else is in it is begun or damaged.

    One appears by a rename, when all its files and their SHA-256 are on the disk. So whatever kills the process leaves
    whole ones. The newest ``keep`` stay, and the newest anchor; those that are for good also in ``lasting``.
    """

    def __init__(self, folder: Path, keep: int, lasting: Path | None = None) -> None:
        self.folder, self.keep, self.lasting = folder, keep, lasting

    def tidy(self) -> None:
        """Remove what was begun and not finished."""
        for place in filter(None, (self.folder, self.lasting)):
            place.mkdir(parents=True, exist_ok=True)
            sync(place.parent)
        for each in self.folder.glob(".*"):
            shutil.rmtree(each)

    def at(self, step: int) -> Path:
        """Where the checkpoint of a step is."""
        return self.folder / f"step-{step:09d}"

    def aside(self, step: int) -> Path:
        """Where it is built."""
        return self.folder / f".step-{step:09d}"

    def make_whole(self, step: int, state: dict[str, Any], anchor: bool, lasts: bool) -> None:
        """What is built for ``step`` gets its state, its manifest and its name, each on the disk before the next."""
        building, target = self.aside(step), self.at(step)
        write_json(building / STATE, state)
        if anchor:
            write_atomically(building / ANCHOR, b"")
        for path in building.iterdir():
            sync(path)  # torch asks for it before it has flushed its metadata
        seal(building)
        sync(building)
        if target.exists():
            self.remove(target)
        os.rename(building, target)
        sync(self.folder)
        if lasts and self.lasting:
            put_by(target, self.lasting / target.name)
        stay = {*self.newest_first()[: self.keep], *self.anchors()[:1]}
        for each in self.newest_first():
            if each not in stay:
                self.remove(each)

    def abandon(self, step: int) -> None:
        """Remove what is built for ``step``, so that a full disk has room again."""
        shutil.rmtree(self.aside(step), ignore_errors=True)

    def newest(self) -> int | None:
        """The newest step whose digests hold. Damaged ones are told on stderr and set aside."""
        for each in self.newest_first():
            try:
                verify(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged, the one before is used: %s", each.name, error)
                damaged = each.with_name(f"damaged-{each.name}")
                shutil.rmtree(damaged, ignore_errors=True)
                os.rename(each, damaged)
            else:
                return number(each)
        return None

    def newest_anchor(self) -> int | None:
        """The newest step of an anchor whose digests hold."""
        for each in self.anchors():
            try:
                verify(each)
            except Damaged as error:
                logger.warning("checkpoint %s is damaged: %s", each.name, error)
            else:
                return number(each)
        return None

    def go_back(self, step: int) -> int:
        """``step``, and what is later is removed: it will not have been. Raises ``Damaged``."""
        verify(self.at(step))
        for each in self.newest_first():
            if number(each) > step:
                self.remove(each)
        return step

    def state(self, step: int) -> dict[str, Any]:
        """What ``make_whole`` was given."""
        state: dict[str, Any] = json.loads((self.at(step) / STATE).read_bytes())
        return state

    def newest_first(self) -> list[Path]:
        """All, the damage of some not yet known."""
        return sorted(self.folder.glob("step-*"), reverse=True)

    def anchors(self) -> list[Path]:
        """Those that are anchors."""
        return [each for each in self.newest_first() if (each / ANCHOR).exists()]

    def remove(self, folder: Path) -> None:
        """Out of sight first, so that no half one is ever seen."""
        gone = folder.with_name(f".gone-{folder.name}")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(folder, gone)
        shutil.rmtree(gone)


def put_by(folder: Path, target: Path) -> None:
    """``folder`` under another name too, whole or not there; both share their files where the disk can do that."""
    building = target.with_name(f".{target.name}")
    for each in (building, target):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(folder, building, copy_function=linked)
    sync(building)
    os.rename(building, target)
    sync(target.parent)


def linked(source: str, target: str) -> None:
    """Another name of a file, or a copy where it can have none there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        sync(Path(target))


def number(folder: Path) -> int:
    """Its step."""
    return int(folder.name.removeprefix("step-"))


def sync(path: Path) -> None:
    """Have the disk hold a file's bytes, or a folder's names."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
