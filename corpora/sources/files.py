"""Files of a team's own: jsonl, json, parquet, csv, txt, md, HTML, PDF, packed or not, by path, glob or URL."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from corpora.document import Document, Quarantined
from corpora.extract import Extracted, Failed, Job, Mode
from corpora.sources.archives import is_archive, members
from corpora.sources.columns import Columns
from corpora.sources.formats import FORMATS, PAGES, Broken, Record, bounded, damaged, form, records, rest
from corpora.sources.pages import Page, read_pages
from corpora.sources.remote import Web, is_remote, is_web, options
from corpora.sources.source import Source
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import file_sha256

WILD = re.compile(r"[*?\[]")
MARKS = ("ETag", "etag", "Content-MD5", "md5Hash", "LastModified", "mtime")  # what stores say of a file's content


class Files(Source, Columns):
    """``path`` is a file, a glob or a URL (https://, or what fsspec knows: s3://, gs://), relative to the recipe's
    folder. A zip or tar archive is read as the files within it."""

    kind: Literal["files"] = "files"
    path: Annotated[str, Field(min_length=1)]
    encoding: Annotated[str, Field(description="of jsonl, json, csv, tsv, txt and md, as Python names it")] = "utf-8"
    mode: Annotated[Mode, Field(description="how the main text of HTML is found; resiliparse is the fast way")] = (
        "trafilatura"
    )

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

    def found(self, machine: Machine) -> tuple[Any, str, list[str]]:
        """(file system, folder that all are below, sorted paths); raises ``Refusal`` where there is no file."""
        import fsspec

        place = f"corpus: {self.path}"
        if is_remote(self.path) and not machine.network and not is_web(self.path):
            raise Refusal(place, "needs the network, which the machine profile switches off", "set network: true")
        try:
            if is_web(self.path):
                system, path = Web(machine), self.path
            else:
                system, path = fsspec.core.url_to_fs(self.path, **options(self.path, machine))
            single = WILD.search(path) is None or (not is_web(path) and system.exists(path))
            paths = sorted(system.glob(path)) if not single else [path] if system.exists(path) else []
            folders = [p for p in paths if system.isdir(p)]
        except (ConnectionError, TimeoutError):
            raise  # a retry may help
        except (ImportError, ValueError, OSError) as error:
            raise Refusal(place, str(error), "correct the URL, or install what its scheme needs") from None
        files = [p for p in paths if p not in set(folders)]
        if single and folders:
            raise Refusal(place, "is a folder", f"name the files in it, for instance {self.path.rstrip('/')}/*.jsonl")
        if not files:
            found = "does not exist" if single else "matches no file"
            raise Refusal(place, found, "correct path, which is relative to the recipe's folder")
        for p in files:
            if form(p)[0] not in FORMATS and not is_archive(p):
                known = f"use one of {', '.join(FORMATS)} (.gz, .bz2, .xz, .zst), .zip or .tar"
                raise Refusal(f"corpus: {p}", "has an unknown ending", known)
        # The part of the pattern before its first wildcard: names must not change when a file joins the others.
        fixed = path if single else WILD.split(path, maxsplit=1)[0]
        return system, fixed.rpartition("/")[0], files

    def stamp(self, machine: Machine) -> Any:
        """Name, bytes and content of each file: SHA-256 where it is local, the store's own mark where not."""
        system, root, paths = self.found(machine)
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
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:
            raise unreadable(error, self.path) from None

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """Every record of every file, in order of the files' names; pages are read by several workers at once."""
        yield from read_pages(self.finds(machine), workers=machine.worker_count)

    def finds(self, machine: Machine) -> Iterator[Page | Document | Quarantined]:
        """Every record, and every page as it is yet to be read."""
        system, root, paths = self.found(machine)
        first, before = True, 0
        for done, piece in enumerate(self.pieces(system, paths)):
            name, here = f"{self.title}/{relative(piece.name, root)}", 0
            for line, record in self.records(piece):
                place, own = (f"{piece.name}:{line}", f"{name}:{line}") if line else (piece.name, name)
                if isinstance(record, Broken):
                    # Nobody knows how many records are behind a break: as many as came, or as files hold on average.
                    lost = max(1, here, before // max(1, done)) if record.rest else record.records
                    yield Quarantined(place=place, reason=record.reason, id=own, records=lost)
                    continue
                here += 1
                if isinstance(record, Job):
                    yield Page(job=record, finish=partial(self.finished, place, own))
                    continue
                if first:
                    self.check_first(record, place)
                    first = False
                yield self.made(record, place, own)
            before += here

    def made(self, record: dict[str, Any], place: str, own: str) -> Document | Quarantined:
        """The document in a record, or why there is none."""
        try:
            return self.document(record, source=self.title, name=own)
        except ValueError as error:
            return Quarantined(place=place, reason=str(error), id=own)

    def finished(self, place: str, own: str, result: Extracted | Failed) -> Document | Quarantined:
        """The document in a page: what it says of itself stands under the names of the columns."""
        if isinstance(result, Failed):
            return Quarantined(place=place, reason=result.reason, id=own)
        about = {self.date: result.date, self.url: result.url, self.language: result.language}
        return self.made({**about, self.text: result.text}, place, own)

    def pieces(self, system: Any, paths: list[str]) -> Iterator[Piece]:
        """Every file, those in archives too. What is gone or cannot be unpacked is a ``Piece`` that says so."""
        for path in paths:
            ending, compression = form(path)
            name, whole = path, False
            try:
                with system.open(path, "rb", compression=compression) as file:
                    if not is_archive(path):
                        whole = True
                        yield Piece(name=path, ending=ending, file=file)
                        continue
                    for member, inside in members(file, path):
                        name = f"{path}/{member}"
                        ending, compression = form(member)
                        if ending in FORMATS:
                            yield Piece(name=name, ending=ending, file=unpacked(inside, compression))
                        else:
                            yield Piece(name=name, broken=Broken(reason="has an unknown ending"))
            except FileNotFoundError:
                yield Piece(name=path, broken=Broken(reason="was gone when it was to be read", rest=True))
            except (ConnectionError, TimeoutError):
                raise  # a retry may help
            except Exception as error:
                if not whole and damaged(error):
                    yield Piece(name=name, broken=rest(error))
                elif isinstance(error, OSError):
                    raise unreadable(error, path) from None
                else:
                    raise

    def records(self, piece: Piece) -> Iterator[tuple[int, Record | Job]]:
        """(line, record) of a file; a page is one record, yet to be read."""
        if piece.broken is not None:
            yield 0, piece.broken
        elif piece.ending in PAGES:
            raw = bounded(piece.file)
            job = raw if isinstance(raw, Broken) else Job(content=raw, form=PAGES[piece.ending], mode=self.mode)
            yield 0, job
        else:
            yield from records(piece.file, piece.ending, self.encoding, self.text)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A file that is open, or why it is not."""

    name: str
    ending: str = ""
    file: Any = None
    broken: Broken | None = None


def unpacked(file: Any, compression: str | None) -> Any:
    """An open file's bytes, whatever they are packed by."""
    from fsspec.compression import compr

    return compr[compression](file, mode="r") if compression else file


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
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4_096)
def _digest(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)
