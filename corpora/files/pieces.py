"""Opens one file at a time: compressed files decompressed, zip and tar archives as the files within them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from corpora.files.allowance import Allowance, Limited, size_of
from corpora.files.buckets import Stored
from corpora.files.formats import FORMATS, form
from corpora.files.record import CHUNK_CHARACTERS, Unreadable, damaged, rest
from corpora.files.sniff import compression_of, first_bytes
from corpora.files.stores import is_store, unreadable
from corpora.web.signed import bare

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from corpora.files.remote import Web

ZIP = (".zip",)
TAR = (".tar", ".tgz")  # and .tar.gz, .tar.bz2, .tar.xz, .tar.zst


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A file that is open, or why it could not be opened."""

    name: str
    ending: str = ""
    content: IO[bytes] | Unreadable


@dataclass
class FilesRead:
    """How far a source's files were read: where it goes on, and what a broken file may have held."""

    files: int = 0  # as they lie, archives included
    pieces: int = 0  # those in archives one by one
    records: int = 0
    checked: bool = False  # whether a first record was looked at
    number: int = 0  # of the next record, where a source numbers them

    def count(self, records: int) -> None:
        """Note a piece that is read."""
        self.pieces += 1
        self.records += records

    def lost(self, here: int) -> int:
        """How many records may be behind a break: as many as came, or as files hold on average."""
        return max(1, here, self.records // max(1, self.pieces))


def pieces(system: AbstractFileSystem | Web, paths: list[str]) -> Iterator[Piece]:
    """Every file, those in archives too. What is gone or cannot be unpacked is a ``Piece`` that says so."""
    for path in paths:
        name, whole = bare(path), False
        ending, compression = form(name)
        try:
            with opened(system, path) as packed:
                allowance = Allowance(size_of(packed))
                file = unpacked(packed, compression_of(first_bytes(packed), compression), allowance)
                if not is_archive(name):
                    whole = True
                    yield Piece(name=name, ending=ending, content=file)
                    continue
                for member, inside in members(file, bare(path), allowance):
                    name = f"{bare(path)}/{member}"
                    ending, compression = form(member)
                    if ending in FORMATS:
                        compression = compression_of(first_bytes(inside), compression)
                        yield Piece(name=name, ending=ending, content=unpacked(inside, compression, allowance))
                    else:
                        yield Piece(name=name, content=Unreadable(reason="has an unknown ending"))
        except FileNotFoundError:
            yield Piece(name=name, content=Unreadable(reason="was gone when it was to be read", rest=True))
        except (ConnectionError, TimeoutError):
            raise  # a retry may help
        except Exception as error:
            if not whole and damaged(error):
                yield Piece(name=name, content=rest(error))
            elif isinstance(error, OSError):
                raise unreadable(error, path) from None
            else:
                raise


def opened(system: AbstractFileSystem | Web, path: str) -> IO[bytes]:
    """An open file's own bytes; raises ``FileNotFoundError`` where it is gone, ``UserError`` where a store fails."""
    if is_store(system):
        return io.BufferedReader(Stored(system, path), CHUNK_CHARACTERS)
    file: IO[bytes] = system.open(path, "rb")
    return file


def is_archive(path: str) -> bool:
    """Whether a file's name says that it holds others."""
    endings = [ending.lower() for ending in PurePosixPath(path).suffixes[-2:]]
    return bool(endings) and (endings[-1] in (*ZIP, *TAR) or endings[0] == ".tar")


def members(file: IO[bytes], path: str, allowance: Allowance) -> Iterator[tuple[str, IO[bytes]]]:
    """(name, open file) of each file within; a file is read before the next one is asked for.

    Archives within archives stay closed. Raises what ``damaged`` knows.
    """
    if PurePosixPath(path).suffix.lower() in ZIP:
        with zipfile.ZipFile(file) as packed:
            for each in packed.infolist():
                if not each.is_dir():
                    with packed.open(each) as member:
                        yield each.filename, io.BufferedReader(Limited(member, allowance))
        return
    # A header may ask for more bytes than there is memory; a sparse member is larger than what is packed.
    with tarfile.open(fileobj=Limited(file, None), mode="r:*") as archive:
        for entry in archive:
            allowance.take(entry.size)
            if entry.isfile() and (found := archive.extractfile(entry)) is not None:
                yield entry.name, found
        # tarfile takes a header that is cut or broken for the end; a whole archive ends with zeros (POSIX, pax).
        inner = archive.fileobj
        inner.seek(archive.offset)
        if inner.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("the archive ends before its end mark")


def unpacked(file: IO[bytes], compression: str | None, allowance: Allowance) -> IO[bytes]:
    """An open file's bytes, whatever they are packed by; raises ``OSError`` where they are more than is allowed."""
    from fsspec.compression import compr

    if compression is None:
        return file
    return io.BufferedReader(Limited(compr[compression](file, mode="r"), allowance), CHUNK_CHARACTERS)
