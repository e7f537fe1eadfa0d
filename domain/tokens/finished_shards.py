"""Shards finished before an interruption: reused only if their files still match the recorded hashes."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from domain.artifacts import Corpus, Tokenizer
from domain.errors import UserError
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import SCRATCH, file_sha256, write_json
from domain.tokens.shard import ENDINGS, beside

logger = logging.getLogger(__name__)

Note = dict[str, Any]


class FinishedShards:
    """The shards of an unfinished run, in the scratch of its folder ``out``; the run's own corpus and tokenizer."""

    def __init__(self, out: Path, corpus: Corpus, tokenizer: Tokenizer) -> None:
        """Raises ``UserError`` where the shards that are there were made from another corpus or tokenizer."""
        self.out, self.folder = out, out / SCRATCH / "encode"
        self.folder.mkdir(parents=True, exist_ok=True)
        path, now = self.folder / "made_from.json", {"corpus": corpus.digest, "tokenizer": tokenizer.digest}
        try:
            before = read_json(path)
        except FileNotFoundError:
            write_json(path, now)
            return
        except (OSError, JSONFileError) as error:
            raise UserError(str(path), f"cannot be read ({error})", f"remove {out} to encode all of it anew") from None
        for what, digest in now.items():
            if before.get(what) != digest:
                raise UserError(
                    str(out),
                    f"was begun with the {what} of digest {before.get(what)}, and its digest now is {digest}",
                    f"remove {out} to encode all of it anew",
                )

    def stem(self, split: str, name: str) -> Path:
        """Where a shard is written."""
        return self.folder / "shards" / split / name

    def note_path(self, split: str, name: str) -> Path:
        """Where it is noted that a shard is finished."""
        return self.folder / "notes" / split / f"{name}.json"

    def note(self, split: str, name: str, facts: Note) -> None:
        """A shard is finished: remember these facts of it, and its digests."""
        path, stem = self.note_path(split, name), self.stem(split, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"facts": facts, "sha256": digests(stem)})

    def find(self, split: str, name: str) -> Note | None:
        """The facts of a shard that is finished and unchanged; a malformed note is logged."""
        try:
            note = read_json(self.note_path(split, name))
            facts, stated = dict(note["facts"]), dict(note["sha256"])
        except FileNotFoundError:
            return None
        except (OSError, JSONFileError, KeyError, TypeError, ValueError) as error:
            logger.warning("encode: %s is not a note of a shard (%s)", self.note_path(split, name), error)
            return None
        hashes = digests(self.stem(split, name))
        for ending, digest in hashes.items():
            if stated.get(ending) != digest:
                file = beside(self.stem(split, name), ending)
                change = f"SHA-256 was {stated.get(ending)} when finished, now {digest}"
                logger.warning("encode: %s has changed (%s); encoding it again", file, change)
                return None
        return facts

    def move(self) -> None:
        """All shards are finished: move them to their places in ``out``."""
        for folder in sorted((self.folder / "shards").glob("*")):
            shutil.rmtree(self.out / folder.name, ignore_errors=True)
            os.replace(folder, self.out / folder.name)


def digests(stem: Path) -> dict[str, str]:
    """SHA-256 of each file of a shard, by its ending."""
    files = {ending: beside(stem, ending) for ending in ENDINGS}
    return {ending: file_sha256(path) if path.exists() else "no file" for ending, path in files.items()}
