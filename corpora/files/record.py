"""A record of a file: its limits of size, the stand-in for an unreadable one, and its text line by line."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from corpora.files.sniff import MARK_FOREIGN, encoding_of, first_bytes

LONGEST_RECORD = 100_000_000  # bytes or characters of one record; files may have any size
CHUNK_CHARACTERS = 1 << 16  # characters read at once where there are no lines


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A record that could not be read: why, how many it may stand for, and whether the file ends with it."""

    reason: str
    records: int = 1
    rest: bool = False


Record = dict[str, Any] | Unreadable


def rest(error: Exception) -> Unreadable:
    """What stands for all records behind a break."""
    return Unreadable(reason=f"the file is broken from here on ({error})", rest=True)


def damaged(error: Exception) -> bool:
    """Whether this is about the file's bytes: unpackers raise ``OSError`` too, but without the system's number."""
    if isinstance(error, OSError):
        return error.errno is None and not isinstance(error, ConnectionError | TimeoutError)
    # zipfile raises RuntimeError for a member with a password, NotImplementedError for a method it does not know.
    from backports.zstd import ZstdError

    packed = zlib.error | lzma.LZMAError | ZstdError | zipfile.BadZipFile | tarfile.TarError
    return isinstance(error, EOFError | packed | RuntimeError | NotImplementedError)


def bounded(file: IO[bytes]) -> bytes | Unreadable:
    """All bytes of a file that is one record, at most ``LONGEST_RECORD`` of them after decompression."""
    try:
        raw = file.read(LONGEST_RECORD + 1)
    except Exception as error:
        if not damaged(error):
            raise
        return rest(error)
    return (
        Unreadable(reason=f"is larger than {LONGEST_RECORD // 10**6} MB") if len(raw) > LONGEST_RECORD else bytes(raw)
    )


def as_text(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """A file's text, with or without a byte order mark; bytes of another encoding become lone surrogates."""
    name = encoding_of(first_bytes(file), encoding)
    return io.TextIOWrapper(file, encoding=name, errors=MARK_FOREIGN, newline="\n")


def read_lines(text: io.TextIOWrapper) -> Iterator[str | None]:
    """The lines of a text; None for one that is longer than ``LONGEST_RECORD``, which is passed over in pieces."""
    while line := text.readline(LONGEST_RECORD):
        if len(line) == LONGEST_RECORD and not line.endswith("\n"):
            while (piece := text.readline(CHUNK_CHARACTERS)) and not piece.endswith("\n"):
                pass
            yield None
        else:
            yield line


def encoding_name(encoding: str) -> str:
    """An encoding's name as messages spell it."""
    plain = encoding.lower().replace("_", "-").removesuffix("-sig")
    return "UTF-8" if plain in ("utf-8", "utf8") else plain.upper() if plain.startswith("utf") else encoding


def foreign(text: str) -> bool:
    """Whether bytes of another encoding were found in this text (``as_text`` marks them so)."""
    return not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text)
