"""The results of the first pass for all documents, as columns on disk, one of them in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import xxhash

from corpora.dedup.near import Buckets
from corpora.dedup.priority import UNDATED
from corpora.dedup.signatures import SIGNATURE_COLUMNS, TextSignatures, read_buckets, signature_file
from corpora.ledger.ledger import PartSource

DTYPES = {
    "places": np.int32,  # [documents]: of the source among ``sources``
    "days": np.int32,  # [documents]: since 1970, or ``UNDATED``
    "names": np.uint64,  # [documents]: hash of source and id
    "passed": np.bool_,  # [documents]: the filters left something of it
    "changed": np.int64,  # the documents of which the filters left another text than came
    "matches": np.int64,  # [matches, 2]: document, protected n-gram
    "passages": np.uint64,  # [paragraphs, 2]: document, hash
}
PAIRS = ("matches", "passages")
AT_ONCE = 1 << 20  # paragraphs read at a time


@dataclass
class Candidates:
    """All documents of Raw, numbered in the order of shards, in files of a folder; candidates are those that passed.

    A document has a signature of its text as it came, and a second one where a filter changed it.
    """

    folder: Path
    filtered: Sequence[str]  # folders of the shards that the first pass wrote
    sources: list[PartSource] = field(default_factory=list)  # in the recipe's order
    starts: list[int] = field(default_factory=lambda: [0])  # of each shard's documents, and the end of the last

    def __len__(self) -> int:
        return self.starts[-1]

    @property
    def signatures(self) -> int:
        """How many there are: one or two of each document."""
        return len(self) + len(self.read("changed"))

    def read(self, name: str) -> np.ndarray:
        """A column of ``DTYPES``."""
        values: np.ndarray = np.fromfile(self.folder / name, DTYPES[name])
        return values.reshape(-1, 2) if name in PAIRS else values

    @property
    def paragraphs(self) -> int:
        """How many paragraphs count."""
        return (self.folder / "passages").stat().st_size // 16

    def passages(self, stays: np.ndarray, bits: int, number: int) -> np.ndarray:
        """uint64 [paragraphs, 2]: those of documents that stay (bool [documents]) and whose hash begins so."""
        some = [np.empty((0, 2), np.uint64)]
        with (self.folder / "passages").open("rb") as file:
            while len(chunk := np.fromfile(file, np.uint64, 2 * AT_ONCE).reshape(-1, 2)):
                here = stays[chunk[:, 0].astype(np.int64)]
                if bits:
                    here &= chunk[:, 1] >> np.uint64(64 - bits) == number
                some.append(chunk[here])
        return np.concatenate(some)

    def raw(self, column: int) -> np.ndarray:
        """uint64 [documents]: a column of the signatures of texts as they came."""
        return np.fromfile(signature_file(self.folder, column, changed=False), np.uint64)

    def changed(self, column: int) -> np.ndarray:
        """uint64: a column of the signatures of texts that a filter changed, as it left them."""
        return np.fromfile(signature_file(self.folder, column, changed=True), np.uint64)

    def current(self, column: int) -> np.ndarray:
        """uint64 [documents]: a column of the signatures of texts as the filters left them."""
        values = self.raw(column)
        values[self.read("changed")] = self.changed(column)
        return values

    def part(self, takes_part: np.ndarray) -> TextSignatures:
        """The texts as the filters left them of those documents (bool [documents]), which must have passed."""
        count, changed = len(self), self.read("changed")
        current = np.append(takes_part, takes_part[changed])  # by signature
        current[changed] = False

        def shared(column: int) -> Iterator[Buckets]:
            for buckets in read_buckets(self.folder, column):
                yield owners(buckets.part(current[buckets.members]), changed, count)

        return TextSignatures(takes_part, self.current, shared)

    def all_buckets(self, column: int) -> Iterator[Buckets]:
        """Documents that share a band, as they came or as the filters left them."""
        changed = self.read("changed")
        for buckets in read_buckets(self.folder, column):
            yield owners(buckets, changed, len(self))

    def ids(self) -> Iterator[list[str]]:
        """The ids of each shard's documents."""
        for folder in self.filtered:
            yield read_columns(folder)["id"]

    def ids_of(self, documents: np.ndarray) -> Iterator[str]:
        """The ids of documents (int, ascending)."""
        for folder, rows in zip(self.filtered, self.by_shard(documents), strict=True):
            if len(rows):
                ids = read_columns(folder)["id"]
                yield from (ids[row] for row in rows.tolist())

    def rows_left(self, documents: np.ndarray) -> list[list[int]]:
        """By shard, the places of documents (int, ascending), which must have passed, among those that did."""
        left = (np.flatnonzero(part) for part in np.split(self.read("passed"), self.starts[1:-1]))
        return [np.searchsorted(own, rows).tolist() for own, rows in zip(left, self.by_shard(documents), strict=True)]

    def sources_of(self, documents: np.ndarray) -> list[PartSource]:
        """The part and source of documents (int)."""
        return [self.sources[place] for place in self.read("places")[documents].tolist()]

    def by_shard(self, documents: np.ndarray) -> list[np.ndarray]:
        """By shard, the places of documents (int, ascending) in it."""
        parts = np.split(documents, np.searchsorted(documents, self.starts[1:-1]))
        return [part - start for part, start in zip(parts, self.starts[:-1], strict=True)]


def owners(buckets: Buckets, changed: np.ndarray, count: int) -> Buckets:
    """Buckets of documents in place of their signatures: those that a filter changed have a second one."""
    members, second = buckets.members, np.flatnonzero(buckets.members >= count)
    members[second] = changed[members[second] - count]
    return Buckets(members, buckets.names)


def read_columns(folder: str) -> dict[str, list[str]]:
    """The source, date and id of each document of a filtered shard."""
    columns: dict[str, list[str]] = orjson.loads((Path(folder) / "columns.json").read_bytes())
    return columns


def candidates_of(shards: Sequence[str], filtered: Sequence[str], folder: Path) -> Candidates:
    """Put what the first pass wrote of all shards together, column by column; one shard is in memory."""
    folder.mkdir(parents=True)
    candidates, places = Candidates(folder, filtered), dict[PartSource, int]()
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in DTYPES}
        signatures = {
            kind: [
                stack.enter_context(signature_file(folder, column, changed=kind == "").open("wb"))
                for column in range(SIGNATURE_COLUMNS)
            ]
            for kind in ("raw_", "")
        }
        for shard, source in zip(shards, filtered, strict=True):
            with np.load(Path(source) / "signatures.npz") as stored:
                arrays = {name: stored[name] for name in stored.files}
            start, part = len(candidates), Path(shard).name.partition("-")[0]
            rows = read_columns(source)
            if len(arrays["raw_keys"]) != len(rows["id"]):
                counts = f"{len(arrays['raw_keys']):,} signatures for {len(rows['id']):,} documents"
                raise RuntimeError(f"{source}: {counts}")
            here, passed = start + arrays["rows"], np.zeros(len(rows["id"]), bool)
            passed[arrays["rows"]] = True
            of_shard = {**shard_columns(part, rows, places), "passed": passed, "changed": here[arrays["changed"]]}
            for name in ("matches", "passages"):
                pairs = arrays[name]
                pairs[:, 0] = here[pairs[:, 0].astype(np.int64)]
                of_shard[name] = pairs
            for name, values in of_shard.items():
                values.astype(DTYPES[name]).tofile(files[name])
            for kind, written in signatures.items():
                columns = (*arrays[f"{kind}keys"].T, *arrays[f"{kind}bands"].T)
                for values, file in zip(columns, written, strict=True):
                    np.ascontiguousarray(values).tofile(file)
            candidates.starts.append(start + len(rows["id"]))
    candidates.sources = list(places)
    return candidates


def shard_columns(part: str, rows: dict[str, list[str]], places: dict[PartSource, int]) -> dict[str, np.ndarray]:
    """A shard's columns ``places``, ``days`` and ``names``; sources that are new get the next place."""
    days = np.array([date or "NaT" for date in rows["date"]], "datetime64[D]")
    names = [f"{source}\0{name}".encode() for source, name in zip(rows["source"], rows["id"], strict=True)]
    return {
        "places": np.array([places.setdefault((part, source), len(places)) for source in rows["source"]]),
        "days": np.where(np.isnat(days), UNDATED, days.astype(np.int64)),
        "names": np.array([xxhash.xxh3_64_intdigest(name) for name in names], np.uint64),
    }
