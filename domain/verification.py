"""Which artifacts were verified by their bytes, so that a finished one costs stat calls and not a read of it all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.files import regular_files
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import MANIFEST, Damaged, read_manifest, verify, write_json
from domain.spec import fingerprint

READ: dict[Path, str] = {}  # by folder, the state in which this process has read, or written, every byte of it


class Verifier:
    """Verifies the artifacts of a work folder: every byte once, and after that what the file system says of each file.

    A file counts as unchanged while its size, its inode and its times of modification and of change stay what they
    were when its bytes were read. No program sets the time of change, so a file that was written to is found even
    where its size and its time of modification were kept. What the file system does not notice, such as a bit that
    flips on the disk, is found by ``check`` with ``read``, once in each process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, path: Path, *, read: bool = False) -> dict[str, Any]:
        """The manifest of an artifact that is whole; raises ``Damaged``. With ``read`` its bytes are what counts."""
        state = state_of(path)
        if READ.get(path.resolve()) == state or (not read and self.recorded(path) == state):
            return read_manifest(path)
        try:
            manifest = verify(path)
        except Damaged:
            self.forget(path)
            raise
        self.note(path, state)
        return manifest

    def note(self, path: Path, state: str | None = None) -> None:
        """Remember that the bytes of an artifact are as its manifest states, here and for later processes."""
        READ[path.resolve()] = state = state or state_of(path)
        with suppress(OSError):  # a full or read-only disk: then the next process reads the bytes again
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.record(path), {"state": state})

    def forget(self, path: Path) -> None:
        """The next check reads the bytes."""
        READ.pop(path.resolve(), None)
        with suppress(OSError):
            self.record(path).unlink(missing_ok=True)

    def record(self, path: Path) -> Path:
        """The file that remembers the state of an artifact."""
        return self.folder / f"{path.parent.name}-{path.name}.json"

    def recorded(self, path: Path) -> str:
        """The state in which an artifact was last read; empty where it never was."""
        try:
            return str(read_json(self.record(path)).get("state", ""))
        except (OSError, JSONFileError):
            return ""


def state_of(folder: Path) -> str:
    """What the file system says of every file in an artifact; raises ``Damaged`` where there is none, or a link."""
    if folder.is_symlink():
        raise Damaged(f"{folder}: is a link")
    try:
        files = regular_files(folder)
    except OSError as error:
        raise Damaged(f"{folder}: {error}") from None
    if MANIFEST not in files:
        raise Damaged(f"{folder}: no readable {MANIFEST}")
    stats = sorted(files.items())
    return fingerprint([[name, s.st_size, s.st_ino, s.st_mtime_ns, s.st_ctime_ns] for name, s in stats])
