"""Files of a team's own: jsonl, parquet, csv, txt, md, compressed or not, by path, glob or URL."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from corpora.document import Document, Quarantined
from corpora.sources.columns import Columns
from corpora.sources.formats import FORMATS, Broken, Record, form, records
from corpora.sources.source import Source
from corpora.sources.zstd import open_zstd
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import file_sha256

WILD = re.compile(r"[*?\[]")
MARKS = ("ETag", "etag", "Content-MD5", "md5Hash", "LastModified", "mtime")  # what stores say of a file's content


class Files(Source, Columns):
    """``path`` is a file, a glob or an fsspec URL (s3://, gs://, https://), relative to the recipe's folder."""

    kind: Literal["files"] = "files"
    path: Annotated[str, Field(min_length=1)]
    encoding: Annotated[str, Field(description="of jsonl, csv, txt and md, as Python names it")] = "utf-8"

    @field_validator("path")
    @classmethod
    def _from_recipe(cls, path: str, info: ValidationInfo) -> str:
        folder = (info.context or {}).get("folder")
        local = "://" not in path
        return str(Path(folder) / Path(path).expanduser()) if folder and local else path

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError("is no encoding that Python knows; write for instance cp1252 or latin-1") from None
        return encoding

    @property
    def title(self) -> str:
        """The name, or that of the file, or of the folder that a glob searches."""
        before = WILD.split(self.path, maxsplit=1)[0].rstrip("/").rpartition("/")[2]
        return self.name or before.split(".")[0].rstrip("-_") or self.kind

    def found(self) -> tuple[Any, str, list[str]]:
        """(file system, folder that all are below, sorted paths); raises ``Refusal`` where there is no file."""
        import fsspec

        place = f"corpus: {self.path}"
        try:
            system, path = fsspec.core.url_to_fs(self.path)
            single = WILD.search(path) is None or system.exists(path)
            paths = sorted(system.glob(path)) if not single else [path] if system.exists(path) else []
            folders = [p for p in paths if system.isdir(p)]
        except (ImportError, ValueError, OSError) as error:
            raise Refusal(place, str(error), "correct the URL, or install what its scheme needs") from None
        files = [p for p in paths if p not in set(folders)]
        if single and folders:
            raise Refusal(place, "is a folder", f"name the files in it, for instance {self.path.rstrip('/')}/*.jsonl")
        if not files:
            found = "does not exist" if single else "matches no file"
            raise Refusal(place, found, "correct path, which is relative to the recipe's folder")
        for p in files:
            if form(p)[0] not in FORMATS:
                raise Refusal(f"corpus: {p}", "has an unknown ending", f"use one of {', '.join(FORMATS)} (.gz, .zst)")
        # The part of the pattern before its first wildcard: names must not change when a file joins the others.
        fixed = path if single else WILD.split(path, maxsplit=1)[0]
        return system, fixed.rpartition("/")[0], files

    def stamp(self, machine: Machine) -> Any:
        """Name, bytes and content of each file: SHA-256 where it is local, the store's own mark where not."""
        system, root, paths = self.found()
        local = "file" in system.protocol if isinstance(system.protocol, tuple) else system.protocol == "file"
        try:
            return [
                {
                    "file": relative(p, root),
                    "bytes": system.size(p),
                    "content": content(Path(p)) if local else mark(system, p),
                }
                for p in paths
            ]
        except OSError as error:
            raise unreadable(error, self.path) from None

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """Every record of every file, in order of the files' names."""
        system, root, paths = self.found()
        first, before = True, 0
        for done, path in enumerate(paths):
            name, here = f"{self.title}/{relative(path, root)}", 0
            for line, record in self.records(system, path):
                place, own = (f"{path}:{line}", f"{name}:{line}") if line else (path, name)
                if isinstance(record, Broken):
                    # Nobody knows how many records are behind a break: as many as came, or as files hold on average.
                    lost = max(1, here, before // max(1, done)) if record.rest else record.records
                    yield Quarantined(place=place, reason=record.reason, id=own, records=lost)
                    continue
                if first:
                    self.check_first(record, place)
                    first = False
                here += 1
                try:
                    yield self.document(record, source=self.title, name=own)
                except ValueError as error:
                    yield Quarantined(place=place, reason=str(error), id=own)
            before += here

    def records(self, system: Any, path: str) -> Iterator[tuple[int, Record]]:
        """(line, record) of one file; raises ``Refusal`` where the system does not let it be read."""
        ending, compression = form(path)
        zstd = compression == "zstd"
        try:
            with system.open(path, "rb", compression=None if zstd else compression) as file:
                yield from records(open_zstd(file) if zstd else file, ending, self.encoding, self.text)
        except (ConnectionError, TimeoutError):
            raise  # a retry may help
        except OSError as error:
            raise unreadable(error, path) from None


def relative(path: str, root: str) -> str:
    """A name for a file that does not tell where on this machine it lies."""
    return path.removeprefix(root).lstrip("/") if path.startswith(root) else PurePosixPath(path).name


def unreadable(error: OSError, path: str) -> Refusal:
    """What to say where the system refuses a file."""
    return Refusal(
        f"corpus: {error.filename or path}", f"cannot be read ({error.strerror or error})", "make it readable"
    )


def mark(system: Any, path: str) -> str:
    """What a store says of a file's content; its name where it says nothing."""
    info = system.info(path)
    return next((str(info[key]) for key in MARKS if info.get(key)), str(system.ukey(path)))


def content(path: Path) -> str:
    """SHA-256 of a local file, read once in a process as long as size and time of change stay the same."""
    status = path.stat()
    return _content(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4_096)
def _content(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)
