"""Zstandard files, all frames of them, and never cut short unseen."""

from __future__ import annotations

import io
from typing import Any

CHUNK = 1 << 16  # compressed bytes read at once


class ZstdFile(io.RawIOBase):
    """Unpacks frame after frame of a binary file; raises ``EOFError`` where it ends within one.

    The readers at hand take a file that was cut short for a shorter one.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self.file = file
        self.frame: Any = None
        self.packed, self.ready = b"", memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the next chunk allows; 0 at the end of the last frame."""
        import zstandard

        while not self.ready:
            self.packed = self.packed or self.file.read(CHUNK)
            if not self.packed:
                if self.frame is not None:
                    raise EOFError("the compressed data ends within a frame")
                return 0
            if self.frame is None:
                self.frame = zstandard.ZstdDecompressor().decompressobj()
            self.ready = memoryview(self.frame.decompress(self.packed))
            self.packed = b""
            if self.frame.eof:
                self.packed, self.frame = self.frame.unused_data, None
        count = min(len(buffer), len(self.ready))
        buffer[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count


def open_zstd(file: Any) -> io.BufferedReader:
    """A buffered reader of the unpacked bytes."""
    return io.BufferedReader(ZstdFile(file), CHUNK)
