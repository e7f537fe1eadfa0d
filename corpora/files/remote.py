"""Files behind https, through the HTTP client, with the interface of fsspec's file systems."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from html import unescape
from typing import IO, Any
from urllib.parse import unquote, urljoin

from corpora.web import Client
from corpora.web.http_cache import cached_file, file_metadata
from corpora.web.signed import bare, unsigned
from domain.errors import UserError
from domain.machine import Machine

HERE = ("file", "local", "memory")  # schemes that need no network
LARGEST_FILE = 10**12  # bytes of one file: a bound against servers that never end
LARGEST_PAGE_OF_LINKS = 20_000_000  # bytes of a folder's page
# A tag ends where the next one begins, so that the time for a page of unclosed ones grows with its length alone.
ANCHOR = re.compile(rb"<a\b[^<>]{0,2000}", re.IGNORECASE)
LINK = re.compile(rb"""\bhref\s{0,9}=\s{0,9}["']([^"'#?]{1,500})["']""", re.IGNORECASE)


def is_remote(path: str) -> bool:
    """Whether this needs the network."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and scheme not in HERE


class Web:
    """Files behind plain https, as fsspec's file systems show theirs; each is kept in the machine's cache and asked
    for again only where its server says that it is another one."""

    protocol = "https"

    def __init__(self, machine: Machine) -> None:
        self.client, self.folder = Client(machine, limit=LARGEST_FILE), machine.cache / "files"

    def exists(self, path: str) -> bool:
        """Whether there is such a file; raises ``UserError`` with the reason where not."""
        self.info(path)
        return True

    def isdir(self, path: str) -> bool:
        """A URL that ends like a folder is none of a file."""
        return bare(path).endswith("/")

    def glob(self, pattern: str) -> list[str]:
        """The links on a folder's page that match the last part; raises ``UserError`` for a wildcard in a folder."""
        folder, _, wanted = pattern.rpartition("/")
        if re.search(r"[*?\[]", folder):
            raise UserError(
                f"corpus: {pattern}", "has a wildcard in a folder", "name the folder; its page is read for links"
            )
        answer = self.client.get(f"{folder}/", limit=LARGEST_PAGE_OF_LINKS)
        stated = (link for tag in ANCHOR.findall(answer.content) for link in LINK.findall(tag)[:1])
        links = {urljoin(answer.url, unescape(link.decode("utf-8", "replace"))) for link in stated}
        names = {link.rpartition("/")[2] for link in links if link.rpartition("/")[0] == answer.url.rstrip("/")}
        return [f"{folder}/{name}" for name in names if name and fnmatchcase(unquote(name), wanted)]

    def info(self, path: str) -> dict[str, Any]:
        """What the server says of a file: ``bytes`` and ``ETag``."""
        metadata = file_metadata(path, self.client, self.folder)
        return {"size": metadata["bytes"], "ETag": metadata["content"]}

    def size(self, path: str) -> int | None:
        """Bytes, if the server says."""
        size: int | None = self.info(path)["size"]
        return size

    def ukey(self, path: str) -> str:
        """The name, where the server says nothing of the content."""
        return unsigned(path)

    def open(self, path: str, mode: str) -> IO[bytes]:
        """The file as it is now; raises ``FileNotFoundError`` where it is gone."""
        try:
            here = cached_file(path, self.client, self.folder)
        except UserError as refusal:
            raise FileNotFoundError(refusal.problem) from None
        file: IO[bytes] = here.open(mode)
        return file
