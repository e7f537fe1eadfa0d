"""A team's own files: jsonl, json, parquet, csv, txt, md, HTML, PDF, compressed or not, by path, glob or URL."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from corpora.document import Document, Quarantined
from corpora.extract import EXTRACTORS, Extracted, Failed, Job, Mode
from corpora.files.formats import FORMATS, PAGES, form, records
from corpora.files.pieces import FilesRead, Piece, is_archive, pieces
from corpora.files.record import Record, Unreadable, bounded
from corpora.files.stores import file_stamp, find, relative, title_of
from corpora.sources.columns import Columns
from corpora.sources.licensing import page_licence
from corpora.sources.pages import Page, read_pages
from corpora.sources.source import FileEnd, Source, SourceItem
from corpora.web.signed import bare
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import RecipePath

NO_ENCODINGS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "unicode_escape", "raw_unicode_escape")


class Files(Source, Columns):
    """``path`` is a file, a glob or a URL (https://, or what fsspec knows: s3://, gs://), relative to the recipe's
    folder. A zip or tar archive is read as the files within it."""

    libraries = EXTRACTORS

    kind: Literal["files"] = "files"
    path: RecipePath
    encoding: Annotated[str, Field(description="of jsonl, json, csv, tsv, txt and md, as Python names it")] = "utf-8"
    lines: Annotated[bool, Field(description="each line of a .txt file is a document, not the file")] = False
    mode: Annotated[Mode, Field(description="how the main text of HTML is found; resiliparse is the fast way")] = (
        "trafilatura"
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "x".encode(encoding)  # bytes to bytes, as zip, is no encoding of text
            if codecs.lookup(encoding).name in NO_ENCODINGS:
                raise LookupError
        except (LookupError, UnicodeError):
            raise ValueError("is no encoding that Python knows; write for instance cp1252 or latin-1") from None
        return encoding

    @property
    def title(self) -> str:
        """The name, or that of the file, or of the folder that a glob searches."""
        return self.name or title_of(self.path) or self.kind

    def locate(self, machine: Machine) -> tuple[Any, str, list[str]]:
        """(file system, folder that all are below, sorted paths); raises ``UserError`` where there is no file."""
        place, files = f"corpus: {self.path}", find(self.path, machine)
        if files.single and files.folders:
            raise UserError(place, "is a folder", f"name the files in it, for instance {self.path.rstrip('/')}/*.jsonl")
        if not files.paths:
            problem = "does not exist" if files.single else "matches no file"
            fix = "correct path" if "://" in self.path else "correct path, which is relative to the recipe's folder"
            raise UserError(place, problem, fix)
        for path in files.paths:
            if form(bare(path))[0] not in FORMATS and not is_archive(bare(path)):
                fix_format = f"use one of {', '.join(FORMATS)} (.gz, .bz2, .xz, .zst), .zip or .tar"
                raise UserError(f"corpus: {path}", "has an unknown ending", fix_format)
        return files.system, files.root, files.paths

    def stamp(self, machine: Machine) -> Any:
        """Name, bytes and content of each file: SHA-256 where it is local, the store's own mark where not."""
        system, root, paths = self.locate(machine)
        return [file_stamp(system, path, root) for path in paths]

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """Every record of every file, in order of the files' names; pages are read by several workers at once."""
        yield from (each for each in self.parts(machine) if not isinstance(each, FileEnd))

    def parts(self, machine: Machine, state: dict[str, Any] | None = None) -> Iterator[SourceItem]:
        """The same, and where each file ends; from the state behind a file on."""
        yield from read_pages(self.items(machine, FilesRead(**state or {})), workers=machine.worker_count)

    def items(self, machine: Machine, read: FilesRead) -> Iterator[Page | SourceItem]:
        """Every record, and every page as it is yet to be read."""
        system, root, paths = self.locate(machine)
        for path in paths[read.files :]:
            yield from self.items_of(system, root, path, read)
            read.files += 1
            yield FileEnd(asdict(read))

    def items_of(self, system: Any, root: str, path: str, read: FilesRead) -> Iterator[Page | SourceItem]:
        """The records and pages of one file."""
        for piece in pieces(system, [path]):
            name, here = f"{self.title}/{relative(piece.name, root)}", 0
            for line, record in self.records(piece):
                place, own = (f"{piece.name}:{line}", f"{name}:{line}") if line else (piece.name, name)
                if isinstance(record, Unreadable):
                    # Nobody knows how many records are behind a break: as many as came, or as files hold on average.
                    lost = read.lost(here) if record.rest else record.records
                    yield Quarantined(place=place, reason=record.reason, id=own, records=lost)
                    continue
                here += 1
                if isinstance(record, Job):
                    yield Page(job=record, finish=partial(self.finished, place, own))
                    continue
                if not read.checked:
                    self.check_first(record, place)
                    read.checked = True
                yield self.made(record, place, own)
            read.count(here)

    def made(self, record: dict[str, Any], place: str, own: str) -> Document | Quarantined:
        """The document in a record, or why there is none."""
        try:
            return self.document(record, source=self.title, name=own, place=place)
        except ValueError as error:
            return Quarantined(place=place, reason=str(error), id=own)

    def finished(self, place: str, own: str, result: Extracted | Failed) -> Document | Quarantined:
        """The document in a page: what it says of itself stands under the names of the columns."""
        if isinstance(result, Failed):
            return Quarantined(place=place, reason=result.reason, id=own)
        day = None if result.date is None else date.fromisoformat(result.date)  # the recipe's format is not the page's
        about = {self.date_column: day, self.url: result.url, self.language: result.language}
        about["license"] = page_licence(result.licences, result.url)
        return self.made({**about, self.text: result.text}, place, own)

    def records(self, piece: Piece) -> Iterator[tuple[int, Record | Job]]:
        """(line, record) of a file; a page is one record, yet to be read."""
        if isinstance(piece.content, Unreadable):
            yield 0, piece.content
        elif piece.ending in PAGES:
            raw = bounded(piece.content)
            job = raw if isinstance(raw, Unreadable) else Job(content=raw, form=PAGES[piece.ending], mode=self.mode)
            yield 0, job
        else:
            yield from records(
                piece.content, piece.ending, self.encoding, self.text, choose=self.choose, text_by_line=self.lines
            )
