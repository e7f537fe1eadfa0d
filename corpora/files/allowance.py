"""Limits how much a file may decompress to, so that a small file cannot fill a disk."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SMALLEST = 200_000_000  # bytes that any file may unpack to
RATIO = 200  # times its own size; text packs to a third or a tenth, logs that repeat themselves to a hundredth
LONGEST_READ = 1 << 27  # bytes asked for at once; a header of an archive may ask for more than there is memory


class Allowance:
    """What is left of a file's bound, ``SMALLEST`` bytes or ``RATIO`` times its ``size`` in bytes."""

    def __init__(self, size: int) -> None:
        self.size, self.left = size, max(SMALLEST, RATIO * size)

    def take(self, count: int) -> None:
        """Note bytes that were unpacked; raises ``OSError``, as for a damaged file, where they are too many."""
        self.left -= count
        if self.left < 0:
            most = max(SMALLEST, RATIO * self.size) // 10**6
            raise OSError(f"{self.size:,} bytes unpack to more than {most:,} MB")


class Limited(io.RawIOBase):
    """An open file that takes what is read from an allowance; None: from none, only no read may be too long."""

    def __init__(self, file: IO[bytes], allowance: Allowance | None) -> None:
        self.file, self.allowance = file, allowance

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """As the file is."""
        return self.file.seekable()

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or fewer where the file ends; raises ``OSError`` beyond the bounds."""
        if size > LONGEST_READ:
            raise OSError(f"a header asks for {size:,} bytes")
        data = self.file.read(LONGEST_READ if size < 0 else size)
        if self.allowance is not None:
            self.allowance.take(len(data))
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as the file goes; the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(min(len(view), LONGEST_READ))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self.file.tell()


def size_of(file: IO[bytes]) -> int:
    """Bytes of an open file, which stands at its beginning afterwards."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size
