"""Files within zip and tar archives, in the archive's own order, one at a time."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

ZIP = (".zip",)
TAR = (".tar", ".tgz")  # and .tar.gz, .tar.bz2, .tar.xz, .tar.zst


def is_archive(path: str) -> bool:
    """Whether a file's name says that it holds others."""
    endings = [ending.lower() for ending in PurePosixPath(path).suffixes[-2:]]
    return bool(endings) and (endings[-1] in (*ZIP, *TAR) or endings[0] == ".tar")


def members(file: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(name, open file) of each file within; a file is read before the next one is asked for.

    Archives within archives stay closed. Raises what ``formats.damaged`` knows.
    """
    if PurePosixPath(path).suffix.lower() in ZIP:
        with zipfile.ZipFile(file) as packed:
            for each in packed.infolist():
                if not each.is_dir():
                    with packed.open(each) as member:
                        yield each.filename, member
        return
    with tarfile.open(fileobj=file, mode="r:*") as archive:
        for entry in archive:
            if entry.isfile() and (found := archive.extractfile(entry)) is not None:
                yield entry.name, found
        # tarfile takes a header that is cut or broken for the end; a whole archive ends with zeros (POSIX, pax).
        inner: Any = archive.fileobj
        inner.seek(archive.offset)
        if inner.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("the archive ends before its end mark")
