"""The records of a dataset's files: all of them, or a sample."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import TYPE_CHECKING

from corpora.files.formats import PAGES, form, records
from corpora.files.parquet import Choose, group_sizes
from corpora.files.pieces import FilesRead, Piece, is_archive, pieces
from corpora.files.record import Record, Unreadable, damaged
from corpora.files.sample import DatasetFile, SampledFile, sample

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


@dataclass(frozen=True, kw_only=True)
class RecordAt:
    """A record, its number from 0 in ``file`` or, without one, in the dataset, and whether it is asked for."""

    record: Record
    number: int
    file: str | None
    wanted: bool = True


@dataclass(frozen=True, kw_only=True)
class DatasetRecords:
    """Files of a dataset as they are read: the column of the ``text``, those that ``choose`` names of a table, and
    whether each of the ``lines`` of a .txt file is a record."""

    system: AbstractFileSystem
    files: Sequence[DatasetFile]
    text: str
    choose: Choose
    lines: bool

    def read(self, read: FilesRead, number: int | None) -> Iterator[RecordAt | None]:
        """Every record, or a sample of ``number``, and None behind each file; what ``read`` has is passed over.

        The first record that is looked at and what breaks off are there whether they are of the sample or not.
        """
        every = [SampledFile(file=file, groups=()) for file in self.files]
        for each in (every if number is None else sample(self.files, number, self))[read.files :]:
            yield from self.of_file(each, read, sampled=number is not None)
            read.files += 1
            yield None

    def of_file(self, each: SampledFile, read: FilesRead, *, sampled: bool) -> Iterator[RecordAt]:
        """The records of one file."""
        name, at = each.file.name if sampled else None, 0
        taken = each.taken() if sampled else count()
        groups = each.row_groups() if each.parquet else None
        following = next(taken, None)
        for piece in pieces(self.system, [each.file.path]):
            here = 0
            for line, record in self.of_piece(piece, groups):
                if following is None:
                    return
                at = line - 1 if each.parquet else at
                wanted = at == following
                if isinstance(record, Unreadable) and record.rest:
                    record, wanted = replace(record, records=read.lost(here)), True
                if wanted or not read.checked:
                    number = at if sampled else read.number
                    yield RecordAt(record=record, number=number, file=name, wanted=wanted)
                    read.number += wanted
                following = next(taken, None) if at == following else following
                here += wanted
                at += 1
            read.count(here)

    def of_piece(self, piece: Piece, groups: Container[int] | None = None) -> Iterator[tuple[int, Record]]:
        """(line, record) of one file, as a source of kind files has them."""
        if isinstance(piece.content, Unreadable):
            yield 1, piece.content
        elif piece.ending in PAGES:
            yield 1, Unreadable(reason="is a page; name it by a source of kind files")
        else:
            choose, lines = self.choose, self.lines
            yield from records(
                piece.content, piece.ending, "utf-8", self.text, choose=choose, text_by_line=lines, groups=groups
            )

    def row_groups(self, file: DatasetFile) -> list[int] | None:
        """The rows of each row group; None where a file is no Parquet, or none that can be read."""
        if form(file.name) != (".parquet", None) or is_archive(file.name):
            return None
        for piece in pieces(self.system, [file.path]):
            try:
                return None if isinstance(piece.content, Unreadable) else group_sizes(piece.content)
            except Exception as error:
                if not damaged(error):
                    raise
        return None

    def records(self, file: DatasetFile, most: int | None) -> int:
        """How many records a file holds; it is read no further than ``most``."""
        every = (record for piece in pieces(self.system, [file.path]) for record in self.of_piece(piece))
        return sum(1 for _ in islice(every, most))
