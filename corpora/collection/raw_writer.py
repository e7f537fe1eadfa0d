"""Writes Raw: documents with unique ids, in shards, with inventory and quarantine beside them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from corpora.collection.progress import RawPosition
from corpora.collection.unique_ids import UniqueIds
from corpora.document import Document
from corpora.withdrawal.withdraw import Withdrawals
from domain.jsonlines import line
from domain.url_secrets import shown

# What gives no document, with what its row of quarantine.jsonl says.
LEFT_OUT = {"empty": "no text", "later": "dated after the day", "withdrawn": "withdrawn", "quarantined": ""}


class RawWriter:
    """Writes Raw as it comes: ``documents/<part>-<n>.jsonl``, ``inventory.jsonl`` and ``quarantine.jsonl``."""

    def __init__(self, folder: Path, withdrawn: Withdrawals, position: RawPosition, shard_bytes: int) -> None:
        """Go on in a folder at a position; what was written behind it is removed."""
        self.shard_bytes = shard_bytes
        self.withdrawn, self.folder, self.numbers, self.size = withdrawn, folder, position.numbers, position.shard_text
        self.ids = UniqueIds(folder / "ids", position.id_files, position.id_repeats)
        for path in (folder / "documents").iterdir():
            part, number = path.stem.split("-")
            if int(number) >= self.numbers[part]:
                path.unlink()
        self.shard = None if position.shard is None else appended(folder, position.shard, position.sizes)
        self.inventory = appended(folder, "inventory.jsonl", position.sizes)
        self.quarantine = appended(folder, "quarantine.jsonl", position.sizes)

    def __enter__(self) -> RawWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self.inventory.close()
        self.quarantine.close()

    def cut(self) -> None:
        """The next document begins a new shard."""
        if self.shard is not None:
            self.shard.close()
        self.shard, self.size = None, 0

    def position(self) -> RawPosition:
        """Where it is; all before is on the disk."""
        files = [file for file in (self.shard, self.inventory, self.quarantine) if file is not None]
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        self.ids.write()
        return RawPosition(
            sizes={Path(file.name).relative_to(self.folder).as_posix(): file.tell() for file in files},
            numbers=self.numbers,
            shard=None if self.shard is None else Path(self.shard.name).relative_to(self.folder).as_posix(),
            shard_text=self.size,
            id_files=[file.path.name for file in self.ids.files],
            id_repeats=self.ids.repeats,
        )

    def add(self, part: str, document: Document, withdrawn: str = "") -> int | None:
        """Write a document under an id that no other has; its text's size in UTF-8 bytes. None if it was withdrawn, for
        the reason ``withdrawn`` or as the SHA-256 of its text says.
        """
        raw = document.text.encode()
        # A withdrawn document keeps its id, or the next one of that name would inherit it.
        name, sha256 = self.ids.unique(document.id), hashlib.sha256(raw).hexdigest()
        if withdrawn or sha256 in self.withdrawn.hashes:
            self.leave_out(part, document.source, name, "withdrawn", withdrawn)
            return None
        if self.shard is None:
            self.shard = (self.folder / "documents" / f"{part}-{self.numbers[part]:05d}.jsonl").open("wb")
            self.numbers[part] += 1
        self.shard.write(line({**document.row(), "id": name}))
        entry = {"id": name, "own": document.own, "part": part, "source": document.source, "bytes": len(raw)}
        self.inventory.write(line({**entry, "sha256": sha256}))
        if document.overridden_licence is not None:
            self.note_override(part, document, name)
        self.size += len(raw)
        if self.size >= self.shard_bytes:
            self.cut()
        return len(raw)

    def note_override(self, part: str, document: Document, name: str) -> None:
        """Note a document whose licence is the recipe's where its record states another."""
        about = {"record": shown(name), "action": "changed", "reason": "licence overridden"}
        detail = f"its record states {document.overridden_licence}, the recipe {document.licence}"
        self.quarantine.write(line({"part": part, "source": document.source, **about, "detail": shown(detail)}))

    def leave_out(self, part: str, source: str, name: str, what: str, reason: str = "") -> None:
        """Note a record that gave no document; ``what`` is of ``LEFT_OUT``."""
        action = "quarantined" if what == "quarantined" else "dropped"
        about = {"record": shown(name), "action": action, "reason": shown(reason or LEFT_OUT[what])}
        self.quarantine.write(line({"part": part, "source": source, **about}))


def appended(folder: Path, name: str, sizes: dict[str, int]) -> BinaryIO:
    """A file that is open behind so many of its bytes; the others are removed."""
    file = (folder / name).open("ab")
    file.truncate(sizes.get(name, 0))
    return file
