"""A Hugging Face dataset at a pinned revision, streamed; or one in a local folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from corpora.document import Document, Quarantined
from corpora.files.dataset_card import configuration, front_matter, refuse_incomplete
from corpora.files.dataset_folder import DatasetFolder
from corpora.files.dataset_repository import Repository
from corpora.files.formats import FORMATS, PAGES, form, records
from corpora.files.pieces import FilesRead, Piece, is_archive, pieces
from corpora.files.record import Record, Unreadable
from corpora.files.stores import content, unreadable, without_own_work
from corpora.sources.columns import Columns
from corpora.sources.licensing import record_licence
from corpora.sources.source import FileEnd, Source, SourceItem
from corpora.web.hub_access import cached, reached
from domain.errors import UserError, first_line
from domain.machine import Machine
from domain.spec import Count, RecipePathOrHub

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


LONGEST_LICENCE = 1_000  # characters


def card_licence(card: bytes, place: str) -> str | None:
    """The licence that the head of README.md states (``license``, or ``license_name`` where that is "other")."""
    stated = record_licence(front_matter(card, place))
    return stated if stated is None or len(stated) <= LONGEST_LICENCE else None


class Hub(Source, Columns):
    """``dataset`` is an id on the hub, with ``revision`` (a commit), or a local folder or file.

    Only files of the dataset itself are read, whatever its README.md names, and none of its code is run.
    """

    kind: Literal["hub"] = "hub"
    dataset: RecipePathOrHub
    revision: Annotated[str | None, Field(description="commit on the hub, 40 hexadecimal digits")] = None
    subset: Annotated[str | None, Field(description="the dataset's configuration")] = None
    split: str = "train"
    lines: Annotated[bool, Field(description="each line of a .txt file is a document, not the file")] = False
    documents_at_most: Annotated[Count | None, Field(alias="documents", description="stop after so many")] = None

    @model_validator(mode="after")
    def _pinned(self) -> Hub:
        if not self.local and not re.fullmatch(r"[0-9a-f]{40}", self.revision or ""):
            raise ValueError(f"{self.dataset} needs a revision: the commit on the hub, 40 hexadecimal digits")
        if self.local and self.revision is not None:
            raise ValueError(f"{self.dataset} is a file or folder here, of which revision says nothing; take one out")
        return self

    @property
    def local(self) -> bool:
        """Whether the dataset is a folder or file here."""
        return Path(self.dataset).exists()

    @property
    def title(self) -> str:
        """The name, or the dataset's."""
        return self.name or Path(self.dataset).name

    @property
    def place(self) -> str:
        """What errors call this."""
        return f"{self.dataset}, split {self.split}"

    def stamp(self, machine: Machine) -> Any:
        """The revision on the hub; where the dataset is local, the content of every file that is read."""
        if not self.local:
            return {"dataset": self.dataset, "revision": self.revision, "subset": self.subset, "split": self.split}
        root = Path(self.dataset)
        paths = self.local_paths(root, machine)
        try:
            return [
                {
                    "file": path.relative_to(root).as_posix() if path != root else path.name,
                    "bytes": path.stat().st_size,
                    "content": content(path),
                }
                for path in paths
            ]
        except OSError as error:
            raise unreadable(error, self.dataset) from None

    def local_paths(self, root: Path, machine: Machine) -> list[Path]:
        """The files that are read of a folder, or the one file that is named, in their order."""
        if root.is_file():
            if form(root.name)[0] not in FORMATS and not is_archive(root.name):
                raise UserError(self.place, "has an unknown ending", f"use one of {', '.join(FORMATS)}, .zip or .tar")
            return [Path(path) for path in without_own_work([str(root)], self.dataset, machine, None)]
        folder = DatasetFolder(root, self.place)
        names = folder.names(machine)
        layout = configuration(folder.card(), self.subset, self.place)
        self.refuse_script(names, stated=layout.patterns is not None)
        return [folder.checked(name) for name in layout.files(names, self.split)]

    def refuse_script(self, names: list[str], *, stated: bool) -> None:
        """Raise ``UserError`` for a dataset that only its own code can read; what README.md states needs none."""
        script = f"{Path(self.dataset).name}.py"
        if script in names and not stated:
            problem = f"is made by code of its own ({script}), which is not run"
            raise UserError(self.place, problem, "name its files by a source of kind files, or take another dataset")

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """The records in the order of the dataset's files; raises ``UserError`` where it cannot be had."""
        yield from (each for each in self.parts(machine) if not isinstance(each, FileEnd))

    def parts(self, machine: Machine, state: dict[str, Any] | None = None) -> Iterator[SourceItem]:
        """The same, and where each file ends; from the state behind a file on."""
        read = FilesRead(**state or {})
        try:
            for licence, record in self.stream(machine, read):
                if isinstance(record, FileEnd):
                    yield FileEnd(asdict(read))
                    continue
                if read.number == self.documents_at_most:
                    return
                number, read.number = read.number, read.number + 1
                name, place = f"{self.title}:{number}", f"{self.place}, record {number}"
                if isinstance(record, Unreadable):
                    yield Quarantined(place=place, reason=record.reason, id=name, records=record.records)
                    continue
                if number == 0:
                    self.check_first(record, self.place)
                try:
                    yield self.document(record, source=self.title, name=name, place=place, card=licence)
                except ValueError as error:
                    yield Quarantined(place=place, reason=str(error), id=name)
        except (UserError, GeneratorExit):
            raise
        except Exception as error:
            # The hub's library raises kinds of its own for each cause, such as its HTTP client's for a network that is
            # not there; all of them are about the dataset or the network.
            fix = "check dataset, revision, subset, split and the network; then run again"
            problem = f"cannot be read after {read.number} records ({first_line(error)})"
            raise UserError(self.place, problem, fix) from error

    def stream(self, machine: Machine, read: FilesRead) -> Iterator[tuple[str | None, Record | FileEnd]]:
        """(the licence that README.md states, record) of every file, in order."""
        from fsspec.implementations.local import LocalFileSystem

        root = Path(self.dataset)
        if not self.local and not machine.network:
            root = Path(cached(self.dataset, self.revision, self.place))
        if self.local or not machine.network:
            paths = [str(path) for path in self.local_paths(root, machine)]
            if not self.local:  # a download may have broken off
                refuse_incomplete(paths, self.place)
            card = b"" if root.is_file() else DatasetFolder(root, self.place).card()
            licence = card_licence(card, self.place)
            yield from ((licence, record) for record in self.opened(LocalFileSystem(), paths, read))
            return
        with reached(machine):
            repository = Repository(self.dataset, self.revision or "", self.place)
            top = repository.names("", recursive=False)
            card = repository.card() if "README.md" in top else b""
            layout, licence = configuration(card, self.subset, self.place), card_licence(card, self.place)
            self.refuse_script(top, stated=layout.patterns is not None)
            names = layout.files(repository.names(layout.below(self.split), recursive=True), self.split)
            paths = [repository.path(name) for name in names]
            yield from ((licence, record) for record in self.opened(repository.system, paths, read))

    def opened(self, system: AbstractFileSystem, paths: list[str], read: FilesRead) -> Iterator[Record | FileEnd]:
        """The records of files, one after the other."""
        for path in paths[read.files :]:
            for piece in pieces(system, [path]):
                here = 0
                for record in self.records(piece):
                    if isinstance(record, Unreadable) and record.rest:
                        record = Unreadable(reason=record.reason, records=read.lost(here), rest=True)
                    here += 1
                    yield record
                read.count(here)
            read.files += 1
            yield FileEnd({})

    def records(self, piece: Piece) -> Iterator[Record]:
        """The records of one file, as a source of kind files has them."""
        if isinstance(piece.content, Unreadable):
            yield piece.content
        elif piece.ending in PAGES:
            yield Unreadable(reason="is a page; name it by a source of kind files")
        else:
            for _, record in records(
                piece.content, piece.ending, "utf-8", self.text, choose=self.choose, text_by_line=self.lines
            ):
                yield record
