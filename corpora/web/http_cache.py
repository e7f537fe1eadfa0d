"""The HTTP cache: an answer with its headers in one file, a large file with a note beside it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.web.answer import Answer, NotFoundError, Unfit, shown
from corpora.web.client import Client
from corpora.web.rate_limit import file_name
from corpora.web.signed import bare, unsigned
from domain.errors import UserError
from domain.manifest import file_sha256, write_json

logger = logging.getLogger(__name__)

ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, kw_only=True)
class CachedPage:
    """An answer's content, and what was noted with it: the server's marks, by which it can be asked for changes."""

    metadata: dict[str, Any]
    content: bytes


def keep(path: Path, content: bytes, metadata: dict[str, Any], *, packed: bool) -> CachedPage:
    """Write both into one file with their digest, whole or not at all, though several threads write."""
    from backports import zstd

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    data = json.dumps({**metadata, "sha256": digest(metadata, content)}, sort_keys=True).encode() + b"\n" + content
    try:
        with part.open("wb") as file:
            file.write(zstd.compress(data) if packed else data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return CachedPage(metadata=metadata, content=content)


def read_page(path: Path) -> CachedPage | None:
    """What a file holds. None where there is none, or where it is not as it was written: then it is fetched again."""
    from backports import zstd

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        head, line, content = (zstd.decompress(data) if data.startswith(ZSTD) else data).partition(b"\n")
        metadata = json.loads(head)
        whole = bool(line) and metadata.pop("sha256") == digest(metadata, content)
    except (zstd.ZstdError, ValueError, AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        logger.warning("%s is not as it was written", path)
    return CachedPage(metadata=metadata, content=content) if whole else None


def digest(metadata: dict[str, Any], content: bytes) -> str:
    """SHA-256 over both."""
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode() + b"\n" + content).hexdigest()


def cached_file(url: str, client: Client, folder: Path) -> Path:
    """The file behind a URL, fetched if what is here is another one. Raises ``UserError`` where it cannot be had."""
    now, path = file_metadata(url, client, folder), place(url, folder)
    # A server that says nothing of the content may send another one for another query.
    if not path.exists() or remembered(path) != now or (now["content"] is None and bare(url) != url):
        note(path).unlink(missing_ok=True)
        try:
            client.download(
                url, path, size=now["bytes"], limit=now["bytes"] if now["bytes"] is not None else client.limit
            )
        except (NotFoundError, Unfit) as error:
            raise refusal(url, str(error)) from None
        write_json(note(path), {**now, "sha256": file_sha256(path), "state": state(path)})
    return path


def file_metadata(url: str, client: Client, folder: Path) -> dict[str, Any]:
    """``bytes`` and ``content`` (ETag or Last-Modified) of the file now, by its first byte alone; None for what the
    server does not say. Without network, those of the file that is here. Raises ``UserError``."""
    if not client.machine.network:
        metadata = remembered(place(url, folder))
        if metadata is None:
            raise refusal(url, "was never fetched, and the machine profile switches the network off")
        return metadata
    try:
        answer = client.get(url, headers={"range": "bytes=0-0", "accept-encoding": "identity"}, limit=1, cut=True)
    except (NotFoundError, Unfit) as error:
        raise refusal(url, str(error)) from None
    return {"bytes": size(answer), "content": answer.headers.get("etag") or answer.headers.get("last-modified")}


def size(answer: Answer) -> int | None:
    """Bytes of the whole of which an answer is a part."""
    header = answer.headers.get("content-length" if answer.status == 200 else "content-range", "")
    match = re.fullmatch(r"(?:bytes \d+-\d+/)?(\d{1,18})", header)
    return int(match[1]) if match and not answer.headers.get("content-encoding") else None


def remembered(path: Path) -> dict[str, Any] | None:
    """What was noted of the file that is here; None where it is not as it came."""
    try:
        metadata = json.loads(note(path).read_bytes())
        sha256, noted = metadata.pop("sha256"), metadata.pop("state")
        whole = noted == state(path) or sha256 == file_sha256(path)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None
    if not whole:
        logger.warning("%s is not as it was fetched", path)
    return metadata if whole else None


def state(path: Path) -> list[int]:
    """What changes with whatever is written to a file; no program sets the time of change."""
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def place(url: str, folder: Path) -> Path:
    """Where the file is kept; its ending stays, since that says how it is read."""
    return folder / file_name(unsigned(url)) / (bare(url).rstrip("/").rpartition("/")[2][-100:] or "index")


def note(path: Path) -> Path:
    """The file that says which content this is."""
    return path.with_name(".content.json")


def refusal(url: str, problem: str) -> UserError:
    """What to say of a file that cannot be had."""
    return UserError(shown(url), problem.removeprefix(f"{shown(url)} "), "correct the URL, or run again later")
