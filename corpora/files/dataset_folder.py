"""A data set in a local folder: the files within it; a link that leaves the folder is refused."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from corpora.files.dataset_card import LARGEST_CARD
from corpora.files.stores import unreadable, without_own_work
from domain.errors import UserError
from domain.machine import Machine


@dataclass(frozen=True)
class DatasetFolder:
    """``root``: a folder, such as a snapshot in the hub's cache, whose files are links to that dataset's own blobs."""

    root: Path
    place: str

    def names(self, machine: Machine) -> list[str]:
        """Every file, relative to the folder and sorted; linked folders are passed over, and so is the machine's
        work folder."""
        files = sorted(str(Path(folder) / file) for folder, _, files in os.walk(self.root) for file in files)
        if self.root.parent.name != "snapshots":  # the hub's cache may be in the work folder
            files = without_own_work(files, str(self.root), machine, self.root)
        return [Path(file).relative_to(self.root).as_posix() for file in files]

    def card(self) -> bytes:
        """README.md; empty where there is none."""
        path = self.root / "README.md"
        if not path.exists():
            return b""
        try:
            with self.checked("README.md").open("rb") as file:
                return file.read(LARGEST_CARD)
        except OSError as error:
            raise unreadable(error, str(path)) from None

    def checked(self, name: str) -> Path:
        """The path of a file that is in the folder; raises ``UserError`` for any other, and if it is not regular."""
        path = self.root / name
        try:
            real, mode = path.resolve(strict=True), path.stat().st_mode
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            reason = getattr(error, "strerror", None) or "its links go in a circle"
            raise UserError(
                self.place, f"{name!r} cannot be read ({reason})", "take it out, or fetch it anew"
            ) from None
        if not any(real.is_relative_to(folder) for folder in self.homes()):
            problem = f"{name!r} is a link that leads out of the dataset's folder"
            raise UserError(self.place, problem, "put the file itself there, or take the link out")
        if not stat.S_ISREG(mode):
            raise UserError(self.place, f"{name!r} is not a regular file", "take it out")
        return path

    def homes(self) -> list[Path]:
        """The folders that a file may truly be in: this one, and where it is a snapshot of the hub's, its blobs."""
        root = self.root.resolve()
        blobs = root.parent.parent / "blobs"
        cached = root.parent.name == "snapshots" and blobs.is_dir() and not blobs.is_symlink()
        return [root, blobs] if cached else [root]
