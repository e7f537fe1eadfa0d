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
from corpora.files.dataset_records import DatasetRecords, RecordAt
from corpora.files.dataset_repository import Repository
from corpora.files.formats import FORMATS, form
from corpora.files.pieces import FilesRead, is_archive
from corpora.files.record import Unreadable
from corpora.files.sample import DatasetFile
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
    documents_at_most: Annotated[
        Count | None, Field(alias="documents", description="a sample of so many records, from all over the dataset")
    ] = None

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
                    "file": relative_name(path, root),
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
            for licence, each in self.stream(machine, read):
                if each is None:
                    yield FileEnd(asdict(read))
                    continue
                if not isinstance(each.record, Unreadable) and not read.checked:
                    self.check_first(each.record, self.place)
                    read.checked = True
                if each.wanted:
                    yield self.made(each, licence)
        except (UserError, GeneratorExit):
            raise
        except Exception as error:
            # The hub's library raises kinds of its own for each cause, such as its HTTP client's for a network that is
            # not there; all of them are about the dataset or the network.
            fix = "check dataset, revision, subset, split and the network; then run again"
            problem = f"cannot be read after {read.number} records ({first_line(error)})"
            raise UserError(self.place, problem, fix) from error

    def made(self, each: RecordAt, licence: str | None) -> Document | Quarantined:
        """The document in a record, or why there is none."""
        name, place = f"{self.title}:{each.number}", f"{self.place}, record {each.number}"
        if each.file is not None:
            name, place = f"{self.title}/{each.file}:{each.number}", f"{self.place}, {each.file}, record {each.number}"
        if isinstance(each.record, Unreadable):
            return Quarantined(place=place, reason=each.record.reason, id=name, records=each.record.records)
        try:
            return self.document(each.record, source=self.title, name=name, place=place, card=licence)
        except ValueError as error:
            return Quarantined(place=place, reason=str(error), id=name)

    def stream(self, machine: Machine, read: FilesRead) -> Iterator[tuple[str | None, RecordAt | None]]:
        """(the licence that README.md states, record) of every file, or of the sample, in order."""
        from fsspec.implementations.local import LocalFileSystem

        root = Path(self.dataset)
        if not self.local and not machine.network:
            root = Path(cached(self.dataset, self.revision, self.place))
        if self.local or not machine.network:
            paths = self.local_paths(root, machine)
            if not self.local:  # a download may have broken off
                refuse_incomplete([str(path) for path in paths], self.place)
            card = b"" if root.is_file() else DatasetFolder(root, self.place).card()
            licence = card_licence(card, self.place)
            files = [DatasetFile(name=relative_name(each, root), path=str(each), size=size_at(each)) for each in paths]
            yield from ((licence, each) for each in self.records(LocalFileSystem(), files, read))
            return
        with reached(machine):
            repository = Repository(self.dataset, self.revision or "", self.place)
            top = repository.names("", recursive=False)
            card = repository.card() if "README.md" in top else b""
            layout, licence = configuration(card, self.subset, self.place), card_licence(card, self.place)
            self.refuse_script(list(top), stated=layout.patterns is not None)
            sizes = repository.names(layout.below(self.split), recursive=True)
            names = layout.files(list(sizes), self.split)
            files = [DatasetFile(name=name, path=repository.path(name), size=sizes[name]) for name in names]
            yield from ((licence, each) for each in self.records(repository.system, files, read))

    def records(
        self, system: AbstractFileSystem, files: list[DatasetFile], read: FilesRead
    ) -> Iterator[RecordAt | None]:
        """The records of files, or a sample of them."""
        reader = DatasetRecords(system=system, files=files, text=self.text, choose=self.choose, lines=self.lines)
        return reader.read(read, self.documents_at_most)


def relative_name(path: Path, root: Path) -> str:
    """What a file is called in its dataset."""
    return path.relative_to(root).as_posix() if path != root else path.name


def size_at(path: Path) -> int:
    """Bytes of a file; 0 where it is gone, which is told when it is to be read."""
    return path.stat().st_size if path.exists() else 0
