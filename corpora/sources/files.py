"""Files of a team's own: jsonl, parquet, csv, txt, md, compressed or not, by path, glob or URL."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from corpora.document import Document, Quarantined, clean
from corpora.sources.columns import Columns
from corpora.sources.source import Source
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import file_sha256

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
FORMATS = (".jsonl", ".json", ".parquet", ".csv", ".txt", ".md")
CUT_SHORT = (EOFError, OSError, zlib.error)


class Files(Source, Columns):
    """``path`` is a file, a glob or an fsspec URL (s3://, gs://, https://), relative to the recipe's folder."""

    kind: Literal["files"] = "files"
    path: Annotated[str, Field(min_length=1)]

    @field_validator("path")
    @classmethod
    def _from_recipe(cls, path: str, info: ValidationInfo) -> str:
        folder = (info.context or {}).get("folder")
        local = "://" not in path
        return str(Path(folder) / Path(path).expanduser()) if folder and local else path

    @property
    def title(self) -> str:
        """The name, or the path's last folder or file."""
        return self.name or Path(self.path.split("*")[0].rstrip("/") or self.path).name.split(".")[0]

    def found(self) -> tuple[Any, list[str]]:
        """(file system, sorted paths) of what the path names; raises ``Refusal`` where that is nothing."""
        import fsspec

        try:
            system, path = fsspec.core.url_to_fs(self.path)
            pattern = any(c in path for c in "*?[")
            paths = sorted(system.glob(path)) if pattern else [path] if system.exists(path) else []
        except (ImportError, ValueError, OSError) as error:
            mend = "correct the URL, or install what its scheme needs"
            raise Refusal(f"corpus: {self.path}", str(error), mend) from None
        paths = [p for p in paths if not system.isdir(p)]
        if not paths:
            found = "matches no file" if pattern else "does not exist"
            raise Refusal(f"corpus: {self.path}", found, "correct path, which is relative to the recipe's folder")
        for p in paths:
            if form(p)[0] not in FORMATS:
                raise Refusal(f"corpus: {p}", "has an unknown ending", f"use one of {', '.join(FORMATS)} (.gz, .zst)")
        return system, paths

    def relative(self, path: str, paths: list[str]) -> str:
        """A name for a file that does not tell where on this machine it lies."""
        common = str(Path(paths[0]).parent) if len(paths) == 1 else str(Path(*_shared(paths)))
        return Path(path).relative_to(common).as_posix() if path.startswith(common) else Path(path).name

    def stamp(self, machine: Machine) -> Any:
        """Name, size and content of each file: SHA-256 where it is local, the store's own key where not."""
        system, paths = self.found()
        local = "file" in system.protocol if isinstance(system.protocol, tuple) else system.protocol == "file"
        try:
            return [
                [self.relative(p, paths), system.size(p), content(Path(p)) if local else str(system.ukey(p))]
                for p in paths
            ]
        except OSError as error:
            raise Refusal(
                f"corpus: {error.filename or self.path}", f"cannot be read ({error.strerror})", "make it readable"
            ) from None

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """Every record of every file, in order of the files' names."""
        system, paths = self.found()
        first = True
        for path in paths:
            name = f"{self.title}/{self.relative(path, paths)}"
            for line, record in self.records(system, path):
                place = f"{path}:{line}" if line else path
                if isinstance(record, str):
                    yield Quarantined(place=place, reason=record)
                    continue
                if first:
                    self.check_first(record, place)
                    first = False
                try:
                    yield self.document(record, source=self.title, place=place, name=f"{name}:{line}" if line else name)
                except ValueError as error:
                    yield Quarantined(place=place, reason=str(error))

    def records(self, system: Any, path: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """(line, record) of one file, or (line, why it could not be read); line 0 is the whole file."""
        ending, compression = form(path)
        line = 0
        try:
            with system.open(path, "rb", compression=compression) as file:
                read = {".parquet": parquet, ".csv": table, ".jsonl": lines, ".json": lines}.get(ending)
                if read is None:
                    yield 0, {self.text: clean(file.read().decode("utf-8"))}
                else:
                    for line, record in read(file):
                        yield line, record
        except UnicodeDecodeError as error:
            yield line, f"is not UTF-8 (byte {error.start})"
        except CUT_SHORT as error:
            yield line + 1, f"the file is broken from here on ({error})"


def content(path: Path) -> str:
    """SHA-256 of a local file, read once in a process as long as size and time of change stay the same."""
    status = path.stat()
    return _content(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4_096)
def _content(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)


def form(path: str) -> tuple[str, str | None]:
    """(ending without compression, compression) of a file's name."""
    endings = Path(path).suffixes
    compression = COMPRESSIONS.get(endings[-1].lower()) if endings else None
    endings = endings[:-1] if compression else endings
    return (endings[-1].lower() if endings else ""), compression


def lines(file: Any) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """JSON Lines; blank lines are passed over."""
    for number, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        try:
            record = json.loads(raw)
        except (ValueError, RecursionError) as error:
            yield number, "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"is no JSON ({error})"
            continue
        yield number, record if isinstance(record, dict) else f"holds {type(record).__name__}, not an object"


def table(file: Any) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """CSV with a header line; a row with bytes that are not UTF-8 is told, the others are read."""
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=""))
    rows = iter(reader)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, f"is no CSV ({error})"
            continue
        foreign = any("\udc80" <= c <= "\udcff" for value in row.values() if isinstance(value, str) for c in value)
        yield reader.line_num, "is not UTF-8" if foreign else {str(k): v for k, v in row.items()}


def parquet(file: Any) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Parquet, a batch of rows at a time; a file that is none raises ``OSError``."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        for batch in ParquetFile(file).iter_batches(batch_size=1_000):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except pyarrow.ArrowException as error:
        raise OSError(str(error).splitlines()[0]) from None


def _shared(paths: list[str]) -> list[str]:
    """The leading folders that all paths share."""
    shared = []
    for parts in zip(*(Path(p).parent.parts for p in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return shared
