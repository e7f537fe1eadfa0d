"""A download in progress: under a hidden name until it is complete, so that a kill leaves no partial file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from corpora.web.answer import Arriving, Unfit, Unreachable, shown
from corpora.web.signed import bare, unsigned
from domain.errors import UserError
from domain.manifest import file_sha256, write_json

PACKED = (".gz", ".tgz", ".br", ".zst")  # names of files that are meant to stay as they are


@dataclass(frozen=True, kw_only=True)
class Partial:
    """What has come of ``url`` so far, and beside it the mark (ETag) of the content that it is part of."""

    url: str
    to: Path
    file: IO[bytes]

    @property
    def mark(self) -> Path:
        """The file that says which content this is part of."""
        return self.to.with_name(f".{self.to.name}.mark")

    def resume_headers(self) -> dict[str, str]:
        """Headers that ask for the rest only; none where nothing has come, or nothing says that it would fit."""
        try:
            metadata = json.loads(self.mark.read_bytes())
        except (OSError, ValueError):
            metadata = {}
        here = os.fstat(self.file.fileno()).st_size
        if here and isinstance(metadata, dict) and metadata.get("url") == unsigned(self.url) and metadata.get("etag"):
            return {"range": f"bytes={here}-", "if-range": metadata["etag"]}
        return {}

    def fill(self, answer: Arriving, limit: int) -> None:
        """Append the rest, or begin anew where the server sends the whole."""
        here, packed = os.fstat(self.file.fileno()).st_size, bare(self.url).endswith(PACKED)
        if answer.status == 416:
            self.restart()
            raise Unreachable(f"{shown(answer.url)} has become shorter than the part that is here")
        if answer.status != 206:
            self.restart()
            here, etag = 0, answer.headers.get("etag", "")
            # A weak mark (W/) does not promise equal bytes, and an encoded body cannot be joined.
            if etag.startswith('"') and not answer.headers.get("content-encoding"):
                write_json(self.mark, {"url": unsigned(self.url), "etag": etag})
        elif not answer.headers.get("content-range", "").startswith(f"bytes {here}-"):
            self.restart()
            raise Unreachable(f"{shown(answer.url)} sends another part than was asked for")
        try:
            for piece in answer.body(limit - here, packed=packed):
                self.file.write(piece)
            self.file.flush()
        except Unfit:
            self.restart()
            raise

    def restart(self) -> None:
        """Forget what has come."""
        self.mark.unlink(missing_ok=True)
        self.file.truncate(0)

    def keep(self, size: int | None, sha256: str | None) -> Path:
        """Move the file to its name, once it is what it should be; raises ``Unfit`` otherwise."""
        os.fsync(self.file.fileno())
        here = Path(self.file.name)
        start = here.stat().st_size
        wrong = ""
        if size is not None and start != size:
            wrong = f"holds {start:,} bytes, not {size:,}"
        elif sha256 is not None and (digest := file_sha256(here)) != sha256.lower():
            wrong = f"has SHA-256 {digest}, not {sha256.lower()}"
        if wrong:
            self.restart()
            raise Unfit(f"{shown(self.url)} {wrong}")
        os.replace(here, self.to)
        self.mark.unlink(missing_ok=True)
        return self.to


@contextmanager
def partial(url: str, to: Path) -> Iterator[Partial]:
    """The partial file for ``to``, for one process at a time. Raises ``UserError`` where it cannot be written."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with locked(to.with_name(f".{to.name}.part")) as file:
            yield Partial(url=url, to=to, file=file)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise UserError(
            str(to), f"cannot be written ({error.strerror or error})", "free space or make it writable, then run again"
        ) from None


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, open for appending and locked; another process may have moved it to its name while one waited."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield file
                return
