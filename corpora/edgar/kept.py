"""What was fetched, kept in files: each holds what the server said of it and the content, whole or not at all."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Content, and what was noted with it: the server's marks, by which it can be asked for changes."""

    told: dict[str, str]
    content: bytes


def keep(path: Path, content: bytes, told: dict[str, str]) -> None:
    """Write both, compressed, with a checksum, under a name of this thread's own, then under ``path``."""
    from backports import zstd

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    head = json.dumps(told, sort_keys=True).encode() + b"\n"
    try:
        with part.open("wb") as file:
            file.write(zstd.compress(head + content, options={zstd.CompressionParameter.checksum_flag: 1}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def kept(path: Path) -> Kept | None:
    """What a file holds. None where there is none, or where a disk has spoilt it: then it is fetched again."""
    from backports import zstd

    try:
        head, line, content = zstd.decompress(path.read_bytes()).partition(b"\n")
        told = json.loads(head)
    except (FileNotFoundError, zstd.ZstdError, ValueError):
        return None
    return Kept(told=told, content=content) if line and isinstance(told, dict) else None
