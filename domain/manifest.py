"""A folder and the manifest that makes it whole: every file with its SHA-256, written last and atomically."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from domain.spec import fingerprint

MANIFEST = "manifest.json"
SCRATCH = ".scratch"  # a stage's own notes for resuming; removed when the artifact is sealed


class Damaged(Exception):
    """A folder whose manifest is absent, unreadable or not true of its files."""


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader, or a crash, sees the old bytes or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically, in one stable form (sorted keys, two spaces), so that equal values give equal bytes."""
    write_atomically(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def inventory(folder: Path) -> dict[str, dict[str, Any]]:
    """Relative path -> {bytes, sha256} of every file below ``folder``, the manifest and scratch apart."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    names = sorted(name for name in paths if paths[name].name != MANIFEST and not name.startswith(f"{SCRATCH}/"))
    with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter free
        digests = list(pool.map(file_sha256, (paths[name] for name in names)))
    return {n: {"bytes": paths[n].stat().st_size, "sha256": digest} for n, digest in zip(names, digests, strict=True)}


def seal(folder: Path, **fields: object) -> dict[str, Any]:
    """Write the manifest: ``fields``, the files with their SHA-256, and the digest over both names and bytes."""
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    files = inventory(folder)
    digest = fingerprint({name: entry["sha256"] for name, entry in files.items()})
    manifest = {**fields, "files": files, "digest": digest}
    write_json(folder / MANIFEST, manifest)
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder``, once every file in it has the stated bytes; raises ``Damaged`` otherwise."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        stated = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{folder}: no readable {MANIFEST} ({error})") from None
    try:
        found = inventory(folder)
    except OSError as error:
        raise Damaged(f"{folder}: {error}") from None
    for name in sorted(stated.keys() | found.keys()):
        if stated.get(name) != found.get(name):
            raise Damaged(f"{folder / name}: manifest says {stated.get(name)}, the file is {found.get(name)}")
    if manifest.get("digest") != fingerprint({name: entry["sha256"] for name, entry in stated.items()}):
        raise Damaged(f"{folder}: the digest does not follow from the files")
    return manifest
