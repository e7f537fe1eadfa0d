"""One token shard on disk: memory-mapped ids, with document offsets, sources and document ids beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from domain.errors import UserError, first_line

ENDINGS = (".bin", ".offsets.npy", ".bytes.npy", ".sources.npy", ".ids.bin", ".ids.npy", ".json")


def id_type(vocabulary: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest unsigned type that holds every id of a vocabulary of this many pieces."""
    return np.dtype(np.uint16 if vocabulary <= 2**16 else np.uint32)


def beside(stem: Path, ending: str) -> Path:
    """The file of a shard with this ending."""
    return stem.with_name(stem.name + ending)


class ShardWriter:
    """Writes the files of one shard, documents in the order of ``add``.

    ``.bin`` ids, uint16 or uint32; ``.offsets.npy`` int64 [documents + 1], in ids; ``.bytes.npy`` int64 [documents],
    UTF-8 bytes of the texts; ``.sources.npy`` uint16 or uint32 [documents], into ``sources`` of ``.json``;
    ``.ids.bin`` the documents' ids in UTF-8, one behind the other, and ``.ids.npy`` int64 [documents + 1], in bytes.
    """

    def __init__(self, stem: Path, *, vocabulary: int) -> None:
        stem.parent.mkdir(parents=True, exist_ok=True)
        self.stem, self.type = stem, id_type(vocabulary)
        self.offsets, self.sizes = [0], list[int]()
        self.sources, self.names = list[int](), dict[str, int]()
        self.name_ends, self.name_bytes = [0], list[bytes]()

    def __enter__(self) -> Self:
        self.file = beside(self.stem, ".bin").open("wb")
        return self

    def add(self, ids: np.ndarray, size: int, *, source: str = "", name: str = "") -> None:
        """Append the document ``name`` of ``source``: its ``ids``, of a text of ``size`` UTF-8 bytes."""
        self.file.write(ids.astype(self.type).tobytes())
        self.offsets.append(self.offsets[-1] + len(ids))
        self.sizes.append(size)
        self.sources.append(self.names.setdefault(source, len(self.names)))
        self.name_bytes.append(name.encode("utf-8", "replace"))
        self.name_ends.append(self.name_ends[-1] + len(self.name_bytes[-1]))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        if error is not None:
            return
        for ending, numbers in ((".offsets", self.offsets), (".bytes", self.sizes), (".ids", self.name_ends)):
            np.save(beside(self.stem, f"{ending}.npy"), np.asarray(numbers, dtype=np.int64))
        np.save(beside(self.stem, ".sources.npy"), np.asarray(self.sources, dtype=id_type(len(self.names))))
        beside(self.stem, ".ids.bin").write_bytes(b"".join(self.name_bytes))
        header = {"type": self.type.name, "documents": self.documents, "sources": list(self.names)}
        beside(self.stem, ".json").write_text(json.dumps(header, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def documents(self) -> int:
        """Documents written so far."""
        return len(self.sizes)

    @property
    def tokens(self) -> int:
        """Ids written so far, begin and end included."""
        return self.offsets[-1]

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the texts written so far."""
        return sum(self.sizes)


class Shard:
    """One file of documents, read through the page cache. Raises ``UserError`` where its files do not fit together."""

    def __init__(self, stem: Path) -> None:
        self.stem = stem
        header = opened(beside(stem, ".json"), lambda path: json.loads(path.read_bytes()))
        try:
            self.type, self.source_names = np.dtype(header["type"]), list[str](header["sources"])
            count = int(header["documents"])
        except (KeyError, TypeError, ValueError):
            raise torn(beside(stem, ".json"), "lacks type, documents or sources") from None
        self.offsets = self.numbers(".offsets.npy", count + 1)
        self.sizes = self.numbers(".bytes.npy", count)
        self.sources = self.numbers(".sources.npy", count)
        self.name_ends = self.numbers(".ids.npy", count + 1)
        self.fits(".bin", ".offsets.npy", self.offsets, self.type.itemsize)
        self.fits(".ids.bin", ".ids.npy", self.name_ends, 1)
        if count and int(self.sources.max()) >= len(self.source_names):
            raise torn(beside(stem, ".sources.npy"), "names an unknown source")

    def numbers(self, ending: str, length: int) -> np.ndarray:
        """The numbers in a file, of which there are to be this many."""
        path = beside(self.stem, ending)
        values: np.ndarray = opened(path, np.load)
        if values.shape != (length,):
            raise torn(path, f"has shape {values.shape}, not ({length},)")
        return values

    def fits(self, ending: str, of_ends: str, ends: np.ndarray, width: int) -> None:
        """Refuse ends that do not rise from 0, or a file that does not end with them; ``width`` bytes each."""
        if ends[0] != 0 or np.any(np.diff(ends) < 0):
            raise torn(beside(self.stem, of_ends), "does not rise from 0")
        path, due = beside(self.stem, ending), int(ends[-1]) * width
        size = opened(path, lambda file: file.stat().st_size)
        if size != due:
            raise torn(path, f"has {size:,} bytes, but its offsets end at {due:,}")

    def __len__(self) -> int:
        """Documents."""
        return len(self.sizes)

    @property
    def tokens(self) -> int:
        """Ids of all documents, begin and end included."""
        return int(self.offsets[-1])

    @property
    def ids(self) -> np.ndarray:
        """All ids, uint16 or uint32 [tokens]; mapped anew at each call."""
        if not self.tokens:  # an empty file cannot be mapped
            return np.empty(0, dtype=self.type)
        return np.asarray(np.memmap(beside(self.stem, ".bin"), dtype=self.type, mode="r"))

    def document(self, index: int) -> np.ndarray:
        """The ids of one document, ``[begin] ids [end]``."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def id(self, index: int) -> str:
        """The id of one document; no other is read."""
        begin, end = int(self.name_ends[index]), int(self.name_ends[index + 1])
        with beside(self.stem, ".ids.bin").open("rb") as file:
            file.seek(begin)
            return file.read(end - begin).decode()

    def names(self) -> list[str]:
        """The ids of all documents."""
        blob, ends = beside(self.stem, ".ids.bin").read_bytes(), self.name_ends.tolist()
        return [blob[begin:end].decode() for begin, end in pairwise(ends)]


def opened(path: Path, read: Callable[[Path], Any]) -> Any:
    """What ``read`` reads from a file of a shard."""
    try:
        return read(path)
    except FileNotFoundError:
        raise torn(path, "does not exist") from None
    except (OSError, ValueError, EOFError) as error:
        raise torn(path, f"cannot be read ({first_line(error)})") from error


def torn(path: Path, problem: str) -> UserError:
    """A file of a shard is not as it was written."""
    return UserError(str(path), problem, f"remove {path.parent.parent} and run again, to encode it again")
