"""What was withdrawn from a work folder: a list that every later build obeys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corpora.ledger import Row
from domain.errors import UserError
from domain.jsonlines import line, parse_line


@dataclass(frozen=True)
class Withdrawals:
    """``ids`` as documents are named in Raw, and ``hashes``: SHA-256 of their exact texts, so that the same text under
    another id goes too.
    """

    ids: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    @classmethod
    def read(cls, work: Path) -> Withdrawals:
        """What ``<work>/withdrawn.jsonl`` says; a last line that a crash cut off was never recorded.

        Raises ``UserError`` where it cannot be understood: then nobody knows what must be left out.
        """
        path = work / "withdrawn.jsonl"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls()
        lines = content.split(b"\n")[:-1]
        try:
            rows = [parse_line(text) for text in lines]
            return cls(frozenset(row["id"] for row in rows), frozenset(row["sha256"] for row in rows))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"line {len(lines)} or one before it is no withdrawal ({error})"
            raise UserError(str(path), problem, "fix that line; each is {id, sha256, reason}") from None

    def state(self) -> list[list[str]]:
        """What enters the request for a new collection."""
        return [sorted(self.ids), sorted(self.hashes)]


def record(work: Path, rows: Iterable[Row]) -> int:
    """Append rows {id, sha256, reason} that are not there yet; on the disk when this returns; how many."""
    path, before = work / "withdrawn.jsonl", b""
    if path.exists():
        before = path.read_bytes()
    recorded = {(row["id"], row["sha256"]) for row in map(parse_line, before.split(b"\n")[:-1])}
    new = [row for row in rows if (row["id"], row["sha256"]) not in recorded]
    with path.open("ab") as file:
        file.truncate(before.rfind(b"\n") + 1)  # of a line that a crash cut off
        file.writelines(line(row) for row in new)
        file.flush()
        os.fsync(file.fileno())
    return len(new)
