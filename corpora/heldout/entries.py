"""The splits that texts of a work folder were given: one entry for each corpus, which later ones obey.

``<work>/heldout/<name>`` is written when a corpus is done. It says which texts went to test and validation and which to
training, as hashes; no text is in it. Entries are never changed and never removed, whatever becomes of the corpus.

A corpus's entry is named by what was asked: its settings, Raw and the protected texts, but not by the entries that it
obeys. These it lists. So:

- A corpus without an entry obeys all entries that there are, and their digests are part of its identity. Two builds of
  one identity obeyed the same entries and give the same bytes.
- A corpus with an entry obeys those that the entry lists, and no newer ones. So the same command finds the finished
  corpus, although the entry of that corpus itself was written since, and a damaged one is made again as it was.
- A killed run has written no entry. It begins with whatever entries there are then.
- Two recipes in one work folder obey each other's entries from the next build on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.dedup.range_sort import ArrayParts
from domain.errors import UserError
from domain.jsonfile import read_json
from domain.manifest import write_json

VERSION = 4
FOLDER = "heldout"
MAPPED = 1 << 20  # bytes; a smaller file is read whole


@dataclass(frozen=True)
class Entry:
    """What was decided when a corpus was made."""

    path: Path
    digest: str  # SHA-256 of the shares and the arrays
    shares: Mapping[str, float]  # of the hold-out by which it was decided
    obeys: Mapping[str, str]  # names and digests of the entries that it obeyed

    @classmethod
    def open(cls, path: Path) -> Entry:
        """Read an entry; its arrays are read where they are used. Raises ``UserError`` where it is damaged."""
        try:
            stated = read_json(path / "entry.json")
            if stated["version"] != VERSION:
                raise ValueError(f"version {stated['version']}")
            return cls(path, str(stated["digest"]), dict(stated["shares"]), dict(stated["obeys"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, str(error)) from None

    def file(self, name: str) -> Path:
        """Where an array lies."""
        return self.path / f"{name}.npy"

    def read(self, name: str) -> np.ndarray:
        """An array of the entry."""
        path = self.file(name)
        try:
            array: np.ndarray = np.load(path, mmap_mode="r" if path.stat().st_size > MAPPED else None)
        except (OSError, ValueError, EOFError) as error:
            raise damaged(self.path, str(error)) from None
        return array


def damaged(path: Path, reason: str) -> UserError:
    """Nobody knows any more what is held out: a build that went on might train on it."""
    fix = "restore it from a backup; without it held-out text may be trained on"
    return UserError(str(path), f"the record of held-out text cannot be read ({reason})", fix)


def obeyed(work: Path, name: str) -> list[Entry]:
    """The entries that the corpus called ``name`` obeys, by their digests. Raises ``UserError`` where one is lost."""
    folder = work / FOLDER
    paths = folder.iterdir() if folder.is_dir() else ()
    entries = {path.name: Entry.open(path) for path in paths if not path.name.endswith(".part")}
    if own := entries.get(name):
        for other, digest in own.obeys.items():
            if other not in entries or entries[other].digest != digest:
                raise damaged(folder / other, "it is missing" if other not in entries else "it was changed")
        entries = {other: entries[other] for other in own.obeys}
    return sorted(entries.values(), key=lambda entry: (entry.digest, entry.path.name))


def write_entry(
    work: Path, name: str, shares: Mapping[str, float], obeys: list[Entry],
    arrays: Mapping[str, np.ndarray | ArrayParts],
) -> None:  # fmt: skip
    """Record what was decided; what is recorded under the name already stays."""
    path = work / FOLDER / name
    if path.exists():
        return
    building = path.with_name(f"{name}.part")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    digest = hashlib.sha256(repr(sorted(shares.items())).encode())
    for key, array in sorted(arrays.items()):
        path_of_array = building / f"{key}.npy"
        if isinstance(array, ArrayParts):
            array.save(path_of_array)
        else:
            np.save(path_of_array, array)
        with path_of_array.open("rb") as file:
            digest.update(f"\n{key}\n".encode() + hashlib.file_digest(file, "sha256").digest())
    listed = {entry.path.name: entry.digest for entry in obeys}
    content = {"version": VERSION, "digest": digest.hexdigest(), "shares": dict(shares), "obeys": listed}
    write_json(building / "entry.json", content)
    os.rename(building, path)
