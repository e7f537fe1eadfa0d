"""Blocked addresses: domains and URL prefixes from which nothing is taken."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from domain.errors import UserError


class BlockList:
    """Held as sorted 64-bit hashes, 8 bytes an entry: public lists of adult sites have millions of lines.

    ``example.org`` blocks that host and all below it; ``example.org/a/b`` each URL of that host that begins so.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        import xxhash

        self.digest = xxhash.xxh3_64_intdigest
        entered = (self.digest(entry.encode()) for entry in map(plain, entries) if entry)
        self.hashes = np.unique(np.fromiter(entered, np.uint64))

    def entry(self, url: str) -> str | None:
        """The entry that blocks a URL, or None."""
        host, slash, path = plain(url).partition("/")
        labels = host.split(".")
        for first in range(len(labels)):
            domain = ".".join(labels[first:])
            if self.holds(domain):
                return domain
        if slash:
            # Each beginning that ends before or after a separator of the path.
            ends = [i for i, letter in enumerate(path) if letter in "/?&#"]
            for end in sorted({1, *ends, *(i + 1 for i in ends), len(path)}):
                if self.holds(f"{host}/{path[:end]}"):
                    return f"{host}/{path[:end]}"
        return None

    def holds(self, entry: str) -> bool:
        """Whether this very entry is on the list."""
        wanted = np.uint64(self.digest(entry.encode()))
        at = int(np.searchsorted(self.hashes, wanted))
        return at < len(self.hashes) and bool(self.hashes[at] == wanted)


def plain(url: str) -> str:
    """A URL without scheme, user, port, leading www, closing slash and comment; its host in lower case."""
    rest = url.partition("://")[2] or url
    host, slash, path = rest.strip().partition("/")
    host = host.rpartition("@")[2].partition(":")[0].lower().rstrip(".").removeprefix("www.")
    return (host + slash + path).rstrip("/")


def without_comment(line: str) -> str:
    """What stands before ``#``."""
    return line.partition("#")[0].strip()


def read_block_list(path: Path) -> BlockList:
    """The list in a file, read once in a process as long as size and time of change stay. Raises ``UserError``."""
    try:
        status = path.stat()
        return _read(path, status.st_size, status.st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(
            f"filters: harm: {path}", f"cannot be read ({reason})", "name a text file, one entry a line"
        ) from None


@lru_cache(maxsize=4)
def _read(path: Path, size: int, changed: int) -> BlockList:
    with path.open(encoding="utf-8-sig") as lines:
        return BlockList(without_comment(line) for line in lines)
