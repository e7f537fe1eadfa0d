"""Finds files by path or glob, locally, in buckets or behind URLs, and identifies them by their content."""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeGuard

from corpora.files.buckets import refused, system_for
from corpora.files.remote import Web, is_remote
from corpora.web.signed import bare, is_web
from domain.errors import UserError
from domain.machine import WRITTEN_IN_WORK, Machine
from domain.manifest import file_sha256

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

logger = logging.getLogger(__name__)

WILD = re.compile(r"[*?\[]")
# What stores say of a file's content. Google's etag changes with what is noted of a file too, so its MD5 comes first.
MARKS = ("ETag", "md5Hash", "Content-MD5", "etag", "LastModified", "mtime")


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What a path or a glob names in ``system``, a file system of fsspec's or the web as one: ``paths`` of files,
    sorted, all below ``root``. ``single`` says that it was one name and no glob."""

    system: AbstractFileSystem | Web
    root: str
    paths: list[str]
    folders: bool
    single: bool


def find(path: str, machine: Machine) -> Matches:
    """The files that ``path`` (a file, glob or URL) names; raises ``UserError`` where that cannot be looked up."""
    if "::" in path and "://" in path and not is_web(path):
        # fsspec would ask the last of them by a client of its own, whatever the machine profile permits.
        raise UserError(f"corpus: {path}", "is a chain of URLs", "name the file itself; archives are opened anyway")
    if is_remote(path) and not machine.network and not is_web(path):
        problem = "needs the network, which the machine profile switches off"
        raise UserError(f"corpus: {path}", problem, "set network: true")
    try:
        system, name = (Web(machine), path) if is_web(path) else system_for(path, machine)
        folder, pattern = literal_part(name) if is_local(system) else ("", name)
        single = not is_glob(pattern) or (not is_web(name) and system.exists(name))
        if single:
            paths = [name] if system.exists(name) else []
        else:
            paths = local_glob(folder, pattern) if is_local(system) else sorted(system.glob(name))
        folders = {each for each in paths if system.isdir(each)}
    except (UserError, ConnectionError, TimeoutError):
        raise  # told already, or a retry may help
    except Exception as error:
        raise refused(path, error) from error
    # The part of the pattern before its first wildcard: names must not change when a file joins the others.
    root = (bare(name) if single else folder + WILD.split(pattern, maxsplit=1)[0]).rpartition("/")[0]
    files = [each for each in paths if each not in folders]
    if not single:
        files = [each for each in files if shows(relative(each, root), name[len(root) :])]
    if is_local(system):
        files = without_own_work(
            own_files(files, None if single else root), path, machine, None if single else Path(root)
        )
    return Matches(system=system, root=root, paths=files, folders=bool(folders), single=single)


def literal_part(path: str) -> tuple[str, str]:
    """(folders that exist under the names written, with a slash behind; the rest). What exists is no pattern: a folder
    may be called ``[2024] calls``."""
    folder, rest = "", path
    while "/" in rest:
        name, _, behind = rest.partition("/")
        if not os.path.isdir(f"{folder}{name}/"):
            break
        folder, rest = f"{folder}{name}/", behind
    return folder, rest


def title_of(path: str) -> str:
    """What a path or glob is called: its file, or the folder that it searches."""
    folder, rest = ("", bare(path)) if "://" in path else literal_part(path)
    return (folder + WILD.split(rest, maxsplit=1)[0]).rstrip("/").rpartition("/")[2].split(".")[0].rstrip("-_")


def local_glob(folder: str, pattern: str) -> list[str]:
    """The files and folders below a folder that match, as fsspec matches them; links to folders are not followed."""
    from fsspec.utils import glob_translate

    matches = re.compile(glob_translate(pattern)).match
    deepest = None if "**" in pattern else pattern.count("/")
    paths = []
    for here, folders, files in os.walk(folder or "."):
        inside = f"{os.path.relpath(here, folder or '.')}/".removeprefix("./")
        paths += [folder + inside + name for name in (*folders, *files) if matches(inside + name)]
        if deepest is not None and inside.count("/") >= deepest:
            folders.clear()
    return sorted(paths)


def without_own_work(paths: list[str], pattern: str, machine: Machine, folder: Path | None) -> list[str]:
    """The files that no run has made: those below the machine's work folder are no source.

    ``folder`` is the one that is searched, None where one file is named. A folder within the work folder that is a
    team's own may be named. Raises ``UserError`` where nothing else than what a run has made is asked for.
    """
    named = folder is None or in_work_folder(folder, machine, named=False)
    own = {path for path in paths if in_work_folder(Path(path), machine, named=named)}
    if own and (folder is None or len(own) == len(paths)):
        fix = "name files of your own; if these are, let the runs work elsewhere: --work"
        raise UserError(f"corpus: {pattern}", f"is below the work folder of the runs, {machine.work}", fix)
    if own:
        tell_of_own_work(pattern, len(own), str(machine.work))
    return [path for path in paths if path not in own]


def in_work_folder(path: Path, machine: Machine, *, named: bool) -> bool:
    """Whether a file is truly below the machine's work folder; where that is ``named``, whether a run has made it."""
    try:
        real, work = path.resolve(), machine.work.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return False
    if not real.is_relative_to(work):
        return False
    return not named or (bool(real.parts[len(work.parts) :]) and real.parts[len(work.parts)] in WRITTEN_IN_WORK)


@lru_cache(maxsize=1_000)
def tell_of_own_work(pattern: str, count: int, work: str) -> None:
    """Say once what is passed over."""
    logger.warning(
        "%s: %s files below the work folder %s are no source and are passed over", pattern, f"{count:,}", work
    )


def shows(name: str, pattern: str) -> bool:
    """Whether a glob takes a file: what is hidden, such as ``._a.jsonl``, only where its pattern says so by a dot.
    Both are relative to the folder that it searches."""
    return "/." in pattern or not any(part.startswith(".") for part in name.split("/"))


def own_files(paths: list[str], folder: str | None) -> list[str]:
    """Local files, each once even if several links lead to it.

    Raises ``UserError`` for a pipe, socket or device, and for a file outside of the ``folder`` that a glob searches, to
    which a link leads: nobody has named what is there.
    """
    first: dict[tuple[int, int] | str, str] = {}
    for path in sorted(paths, key=lambda path: (Path(path).is_symlink(), path)):
        try:
            status, real = Path(path).stat(), Path(path).resolve()
        except (OSError, RuntimeError):  # gone, or links in a circle: told of when it is read
            first[path] = path
            continue
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"corpus: {path}", "is not a regular file", "name files")
        if folder is not None and not real.is_relative_to(Path(folder).resolve()):
            fix = "name what it leads to by a path of its own, or take the link out"
            raise UserError(f"corpus: {path}", f"is a link that leads out of {folder}", fix)
        first.setdefault((status.st_dev, status.st_ino), path)
    return sorted(first.values())


def file_stamp(system: AbstractFileSystem | Web, path: str, root: str) -> dict[str, Any]:
    """Name, bytes and content: SHA-256 where the file is local, the store's own mark if not. Raises ``UserError``."""
    try:
        state = content(Path(path)) if is_local(system) else mark(system, path)
        return {"file": relative(path, root), "bytes": system.size(path), "content": state}
    except (UserError, ConnectionError, TimeoutError):
        raise
    except Exception as error:
        if is_store(system):
            raise refused(system.unstrip_protocol(path), error) from error
        if isinstance(error, OSError):
            raise unreadable(error, path) from None
        raise


def is_store(system: AbstractFileSystem | Web) -> TypeGuard[AbstractFileSystem]:
    """Whether this is a store of others: neither the web nor this machine."""
    return not isinstance(system, Web) and not is_local(system)


def is_local(system: AbstractFileSystem | Web) -> bool:
    """Whether this is the file system of this machine."""
    return "file" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,))


def is_glob(path: str) -> bool:
    """Whether a path has a wildcard. In a URL of the web ``?`` begins a query, and brackets may be those of a host."""
    return WILD.search(path) is not None if not is_web(path) else re.search(r"//[^/]*/.*[*\[]", bare(path)) is not None


def relative(path: str, root: str) -> str:
    """A name for a file that does not tell where on this machine it lies, nor by which query it was asked for."""
    path = bare(path)
    return path.removeprefix(root).lstrip("/") if path.startswith(root) else PurePosixPath(path).name


def unreadable(error: OSError, path: str) -> UserError:
    """What to say where the system refuses a file."""
    return UserError(
        f"corpus: {error.filename or path}", f"cannot be read ({error.strerror or error})", "make it readable"
    )


def mark(system: AbstractFileSystem | Web, path: str) -> str:
    """What a store says of a file's content; its name where it says nothing."""
    info = system.info(path)
    return next((str(info[key]) for key in MARKS if info.get(key)), str(system.ukey(path)))


def content(path: Path) -> str:
    """SHA-256 of a local file, read once in a process as long as size and time of change stay the same."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4_096)
def _digest(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)
