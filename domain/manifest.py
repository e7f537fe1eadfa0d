"""A folder and the manifest that makes it whole: every file with its SHA-256, written last and atomically."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from domain.files import regular_files, remove
from domain.jsonfile import JSONFileError, read_json
from domain.spec import fingerprint

MANIFEST = "manifest.json"
SCRATCH = ".scratch"  # a stage's own notes for resuming; removed when the artifact is sealed
MANIFEST_BYTES = 128 * 2**20  # of a manifest: some 700,000 files
SHA256 = re.compile(r"[0-9a-f]{64}")
UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.part")  # names of files that ``write_atomically`` has not renamed yet


class Damaged(Exception):
    """A folder whose manifest is absent, unreadable or not true of its files."""


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader, or a crash, sees the old bytes or the new, never a part.

    A link at ``path`` is replaced, and not what it points at. The file's mode follows the umask.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")  # a name that nobody can prepare
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(opened, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically, in one stable form (sorted keys, two spaces), so that equal values give equal bytes."""
    write_atomically(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def inventory(folder: Path) -> dict[str, dict[str, Any]]:
    """Relative path -> {bytes, sha256} of every file below ``folder``, its manifest and scratch apart.

    Raises ``OSError`` for a link, FIFO, socket or device in it.
    """
    status = regular_files(folder)
    names = sorted(name for name in status if name != MANIFEST and not name.startswith(f"{SCRATCH}/"))
    with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter free
        digests = list(pool.map(file_sha256, (folder / name for name in names)))
    return {n: {"bytes": status[n].st_size, "sha256": digest} for n, digest in zip(names, digests, strict=True)}


def seal(folder: Path, **fields: object) -> dict[str, Any]:
    """Write the manifest: ``fields``, the files with their SHA-256, and the digest over both names and bytes.

    What an earlier try left half written, as it was killed, is removed: it would become a part of the artifact.
    """
    remove(folder / SCRATCH)
    for name in regular_files(folder):
        if UNFINISHED.fullmatch(Path(name).name):
            remove(folder / name)
    files = inventory(folder)
    digest = fingerprint({name: entry["sha256"] for name, entry in files.items()})
    manifest = {**fields, "files": files, "digest": digest}
    write_json(folder / MANIFEST, manifest)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder``, whose files are not looked at; raises ``Damaged`` where it cannot be one.

    Then ``digest`` and every SHA-256 are of 64 hexadecimal digits, so that a path may be made of them.
    """
    try:
        manifest = read_json(folder / MANIFEST, MANIFEST_BYTES)
    except (OSError, JSONFileError) as error:
        raise Damaged(f"{folder}: no readable {MANIFEST} ({error})") from None
    files, digest = manifest.get("files"), manifest.get("digest")
    if not isinstance(files, dict) or not is_sha256(digest) or not all(map(is_entry, files.values())):
        raise Damaged(f"{folder}: {MANIFEST} does not state files and their digest")
    return manifest


def is_sha256(value: object) -> bool:
    """Whether a value is a SHA-256 in hexadecimal digits."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def is_entry(value: object) -> bool:
    """Whether a value can state a file: its bytes and its SHA-256."""
    return isinstance(value, dict) and value.keys() == {"bytes", "sha256"} and is_sha256(value["sha256"])


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder``, once every file in it has the stated bytes; raises ``Damaged`` otherwise.

    The same holds for a file that is not stated, and for whatever is not a regular file: a link (even to the same
    bytes), a FIFO.
    """
    manifest = read_manifest(folder)
    stated = manifest["files"]
    try:
        found = inventory(folder)
        unfinished = (folder / SCRATCH).exists()
    except OSError as error:
        raise Damaged(f"{folder}: {error}") from None
    if unfinished:
        raise Damaged(f"{folder / SCRATCH}: is not stated in the manifest")
    for name in sorted(stated.keys() | found.keys()):
        if stated.get(name) != found.get(name):
            raise Damaged(f"{folder / name}: manifest says {stated.get(name)}, the file is {found.get(name)}")
    if manifest["digest"] != fingerprint({name: entry["sha256"] for name, entry in stated.items()}):
        raise Damaged(f"{folder}: the digest does not follow from the files")
    return manifest
