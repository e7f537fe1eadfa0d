"""The progress of a collection in a file: a killed one continues after the last file that was read whole."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from corpora.document import Quarantined
from domain.manifest import write_atomically

PROGRESS = "progress.json"


class FirstUnread(BaseModel):
    """The first record of a source that gave no document."""

    place: str
    reason: str
    id: str
    records: int

    @classmethod
    def of(cls, record: Quarantined) -> FirstUnread:
        """What is told of it."""
        return cls(place=record.place, reason=record.reason, id=record.id, records=record.records)


class SourceTally(BaseModel):
    """What was counted of the source that is being read."""

    stamp: str  # fingerprint of what it was as reading began
    state: dict[str, Any] | None = None  # of its last ``FileEnd``
    documents: int = 0
    bytes: int = 0
    left_out: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    stated_by: Counter[str] = Counter()
    broken: FirstUnread | None = None
    empty: FirstUnread | None = None
    undated: int = 0
    first_undated: str = ""


class RawPosition(BaseModel):
    """How far Raw is written."""

    sizes: dict[str, int] = {}  # bytes of the files that grow
    numbers: Counter[str] = Counter()  # shards, by part
    shard: str | None = None  # the one that is open
    shard_text: int = 0  # bytes of text in it
    id_files: list[str] = []
    id_repeats: dict[str, int] = {}


class CollectProgress(BaseModel):
    """What a killed collection resumes from. ``request`` is the fingerprint of what is collected."""

    request: str
    rows: list[dict[str, Any]] = []  # of the sources that were read whole
    source: SourceTally | None = None
    position: RawPosition = RawPosition()

    @classmethod
    def read(cls, folder: Path, request: str) -> CollectProgress:
        """What was saved in a folder for the same request; else the folder is emptied and all begins anew."""
        try:
            progress = cls.model_validate_json((folder / PROGRESS).read_bytes())
            sizes = progress.position.sizes.items()
            if progress.request == request and all((folder / name).stat().st_size >= size for name, size in sizes):
                return progress
        except (OSError, ValidationError):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "documents").mkdir(parents=True)
        return cls(request=request)

    def save(self, folder: Path) -> None:
        """Write it; what it says is on the disk by then."""
        write_atomically(folder / PROGRESS, self.model_dump_json().encode())
