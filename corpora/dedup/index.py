"""What deduplication remembers between runs: bands, keys and ids of every text that took part."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.dedup.index_segment import ENTRIES, LARGEST_SEGMENT, Segment
from corpora.dedup.near import flatten, join
from corpora.dedup.packed_strings import StringWriter
from corpora.dedup.priority import integers, inverse
from corpora.dedup.signatures import BAND_COLUMNS, KEY, SECOND, TextSignatures
from domain.errors import UserError
from domain.jsonfile import read_json
from domain.manifest import write_json

VERSION = 3
GONE, NAMELESS = np.uint8(255), np.uint64(0)  # split and name of a text that did not stay
AT_ONCE = 1 << 20  # texts that are looked up together: 0.1 GB


@dataclass(frozen=True)
class Duplicates:
    """What is there already. The n texts of a run are numbered from the index's length on, as their columns are."""

    equal: np.ndarray  # int [texts]: the earliest text with the same key, remembered or new; itself where it is that
    recalls: np.ndarray  # bool [texts]: it shares a band with a remembered text
    repeats: np.ndarray  # bool [texts]: it shares a band with an earlier text of this run
    roots: np.ndarray  # int [texts]: the earliest text of its cluster
    joined: np.ndarray  # int64 [pairs, 2]: roots of remembered clusters that a new text joins, and what is now theirs

    @property
    def drops(self) -> np.ndarray:
        """bool [texts]: it shares a band with an earlier text, remembered or new."""
        both: np.ndarray = self.recalls | self.repeats
        return both

    def current_roots(self, roots: np.ndarray) -> np.ndarray:
        """int64: the roots that remembered clusters (int64) have now."""
        if not len(self.joined):
            return roots
        places = np.minimum(np.searchsorted(self.joined[:, 0], roots), len(self.joined) - 1)
        return np.where(self.joined[places, 0] == roots, self.joined[places, 1], roots)


class Index:
    """Remembered texts, numbered in the order in which they came; new ones are written to segments in ``folder``.

    ``find`` and ``add`` in turn, over several runs, drop what ``near_duplicates`` and ``first_of_equals`` drop of all
    texts at once in the same order; the last run's clusters are those of all texts, too. What they cost grows with the
    new texts: the remembered ones are searched, on disk, in at most log2 of their number segments. A hash is kept to
    40 bits at least: a new text is taken for one of 10 million others by mistake once in 8,000.
    """

    def __init__(self, folder: Path, segments: Sequence[Segment] = ()) -> None:
        self.folder, self.segments, self.written = folder, list(segments), 0

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    @classmethod
    def open(cls, saved: Path, folder: Path) -> Index:
        """The index that ``save`` wrote. Raises ``UserError`` where there is none of this version."""
        try:
            stated = read_json(saved / "index.json")
            if stated["version"] != VERSION:
                raise ValueError(f"version {stated['version']}")
            if not all(re.fullmatch("[0-9]{10}", name) for name in stated["segments"]):  # none leads elsewhere
                raise ValueError(f"segments {stated['segments']}"[:100])
            return cls(folder, [Segment.open(saved / name) for name in stated["segments"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"no index of remembered texts that can be read ({error})"
            raise UserError(
                str(saved), problem, "name a corpus that this version made, or curate all texts anew"
            ) from None

    def save(self, folder: Path) -> None:
        """Write all of it to a new folder; the same runs give the same bytes. 155 bytes a text."""
        folder.mkdir(parents=True)
        names = [f"{segment.first:010d}" for segment in self.segments]
        for place, (name, segment) in enumerate(zip(names, self.segments, strict=True)):
            if segment.folder.parent == self.folder:  # new, and nobody else's
                os.rename(segment.folder, folder / name)
            else:
                shutil.copytree(segment.folder, folder / name)
            self.segments[place] = Segment(folder / name, segment.first, segment.count)
        write_json(folder / "index.json", {"version": VERSION, "segments": names})

    def find(self, texts: TextSignatures, order: np.ndarray) -> Duplicates:
        """Look up a run's texts; ``order`` (int [texts]) is a permutation, lower is earlier."""
        before, count, ranked = len(self), len(order), inverse(order)
        kind = integers(before + count)
        equal = np.arange(before, before + count, dtype=kind)
        for buckets in texts.shared(KEY):
            first, later = buckets.edges(order)
            equal[ranked[later]] = ranked[first].astype(kind) + before
        for places, numbers in self.remembered(texts, KEY):
            equal[places] = numbers
        recalls, repeats = np.zeros(count, bool), np.zeros(count, bool)
        roots = np.arange(before + count, dtype=kind)  # of the remembered, and of the new in their order
        for column in BAND_COLUMNS:
            for places, numbers in self.remembered(texts, column):
                recalls[places] = True
                join(roots, self.roots(numbers), before + order[places].astype(np.int64))
            for buckets in texts.shared(column):
                first, later = buckets.edges(order)
                repeats[ranked[later]] = True
                join(roots, before + first, before + later)
        flatten(roots)
        moved = np.flatnonzero(roots[:before] != np.arange(before, dtype=kind))
        joined = np.stack((moved, roots[moved]), axis=1).astype(np.int64)
        later = np.flatnonzero(roots[before:] != np.arange(before, before + count, dtype=kind))
        first, root = roots[before + later], np.arange(before, before + count, dtype=kind)
        new = first >= before
        first[new] = ranked[first[new] - before].astype(kind) + before
        root[ranked[later]] = first
        return Duplicates(equal, recalls, repeats, root, joined)

    def remembered(self, texts: TextSignatures, column: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(places, numbers: int64) of the texts that have a hash of a remembered one in a column, some at a time."""
        if not self.segments:
            return
        hashes, seconds = texts.column(column), texts.column(SECOND) if column == KEY else None
        for begin in range(0, len(hashes), AT_ONCE):
            places = begin + np.flatnonzero(texts.takes_part[begin : begin + AT_ONCE])
            numbers = self.lookup(column, hashes[places], None if seconds is None else seconds[places])
            yield places[numbers >= 0], numbers[numbers >= 0]

    def add(
        self, texts: TextSignatures, order: np.ndarray, duplicates: Duplicates, splits: np.ndarray,
        names: Callable[[], np.ndarray], ids: Iterable[list[str]],
    ) -> None:  # fmt: skip
        """Remember those of a run's texts that take part, kept or not, with what ``find`` said of them.

        ``splits`` (uint8 [texts]) are their splits, or ``GONE``; ``names`` gives hashes (uint64 [texts]) of what
        documents are called at their source, ``ids`` those of all texts, some at a time. No cluster may be divided by
        who takes part, unless a remembered text is its root.
        """
        ranked, before = inverse(order), len(self)
        ranked = ranked[texts.takes_part[ranked]]
        places = np.full(len(order), -1, integers(len(order)))  # of each text among the new
        places[ranked] = np.arange(len(ranked))
        own = np.arange(before, before + len(order), dtype=duplicates.roots.dtype)
        linked = np.flatnonzero(texts.takes_part & (duplicates.roots != own))
        del own
        roots = duplicates.roots[linked].astype(np.int64)
        new = roots >= before
        roots[new] = places[roots[new] - before] + before
        links = np.stack((places[linked].astype(np.int64) + before, roots), axis=1)
        parts = [ranked[begin : begin + LARGEST_SEGMENT] for begin in range(0, len(ranked), LARGEST_SEGMENT)]
        segments = [self.new_segment(before + LARGEST_SEGMENT * n, len(part)) for n, part in enumerate(parts)]
        write_ids(segments, places, ids)
        del places
        for segment, here in zip(segments, parts, strict=True):
            mine = links[(links[:, 0] >= segment.first) & (links[:, 0] < segment.first + len(segment))]
            segment.put_links(mine if segment.first > before else np.concatenate((mine, duplicates.joined)))
            segment.put("seconds", taken(texts.column(SECOND), here))
            for column in ENTRIES:
                self.put_new(segment, column, taken(texts.column(column), here))
            segment.put("names", np.where(splits[here] == GONE, NAMELESS, taken(names(), here)))
            segment.put("splits", splits[here])
            segment.put("places", inverse(np.argsort(here)).astype(np.int32))
            self.segments.append(segment)
        while len(self.segments) > 1:  # so each text is moved at most log2(texts) times
            earlier, last = self.segments[-2:]
            if len(earlier) > len(last) or len(earlier) + len(last) > LARGEST_SEGMENT:
                break
            self.segments[-2:] = [earlier.joined(last, self.new_segment(earlier.first, 0).folder)]

    def put_new(self, segment: Segment, column: int, hashes: np.ndarray) -> None:
        """Write a segment's entries of a column: those of its texts' hashes (uint64) that no remembered one has."""
        new = np.ones(len(hashes), bool)
        seconds = segment.array("seconds") if column == KEY else None
        for begin in range(0, len(hashes) if self.segments else 0, AT_ONCE):
            some = slice(begin, begin + AT_ONCE)
            new[some] = self.lookup(column, hashes[some], None if seconds is None else seconds[some]) < 0
        if not new.all():
            hashes = hashes[new]
        hashes &= ~segment.mask
        hashes |= np.flatnonzero(new).view(np.uint64)
        segment.put_entries(column, hashes)

    def new_segment(self, first: int, count: int) -> Segment:
        """An empty segment in a folder of its own."""
        folder = self.folder / f"{self.written:06}"
        folder.mkdir(parents=True)
        self.written += 1
        return Segment(folder, first, count)

    def lookup(self, column: int, hashes: np.ndarray, seconds: np.ndarray | None) -> np.ndarray:
        """int64 [texts]: the remembered text that first had each hash of a column (uint64 [texts]), or -1.

        With ``seconds`` (uint64 [texts]) they are keys, and both halves must be equal.
        """
        numbers = np.full(len(hashes), -1, np.int64)
        for segment in self.segments:
            there = segment.lookup(column, hashes) if seconds is None else segment.lookup_keys(hashes, seconds)
            numbers = np.where(numbers < 0, there, numbers)
        return numbers

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        """int64: the earliest text of the cluster of each remembered one."""
        roots = numbers.copy()
        moved = np.ones(len(roots), bool)
        while moved.any():
            parents = roots.copy()
            for segment in self.segments:
                parents = np.minimum(parents, segment.parents(roots))
            moved, roots = parents != roots, parents
        return roots

    def named(self, names: np.ndarray) -> np.ndarray:
        """int: the last remembered text that stayed of each document, by its name (uint64), or -1."""
        numbers = np.full(len(names), -1, integers(len(self)))
        for segment in self.segments:
            own, places = names_of(segment)
            for begin in range(0, len(names) if len(own) else 0, AT_ONCE):
                some = slice(begin, begin + AT_ONCE)
                last = np.maximum(np.searchsorted(own, names[some], side="right"), 1) - 1
                numbers[some] = np.where(own[last] == names[some], segment.first + places[last], numbers[some])
        return numbers

    def absent(self, names: np.ndarray) -> int:
        """How many documents of which a text stayed are not among these names (uint64)."""
        names, others = np.sort(names), [np.empty(0, np.uint64)]
        for segment in self.segments:
            own = np.unique(names_of(segment)[0])
            there = np.searchsorted(names, own, side="right") > np.searchsorted(names, own, side="left")
            others.append(own[~there])
        return len(np.unique(np.concatenate(others)))

    def ids(self, numbers: np.ndarray) -> list[str]:
        """The ids of remembered texts (int64)."""
        answers = [""] * len(numbers)
        for segment, here in self.by_segment(numbers):
            ids = segment.ids.at(segment.array("places")[numbers[here] - segment.first])
            for place, name in zip(here.tolist(), ids, strict=True):
                answers[place] = name
        return answers

    def splits(self, numbers: np.ndarray) -> np.ndarray:
        """uint8: the splits of remembered texts (int64), as they were added."""
        splits = np.empty(len(numbers), np.uint8)
        for segment, here in self.by_segment(numbers):
            splits[here] = segment.array("splits")[numbers[here] - segment.first]
        return splits

    def by_segment(self, numbers: np.ndarray) -> Iterator[tuple[Segment, np.ndarray]]:
        """(segment, places: int64) of the numbers that are of each segment."""
        firsts = np.array([segment.first for segment in self.segments])
        of = np.searchsorted(firsts, numbers, side="right") - 1
        for number in np.unique(of).tolist():
            yield self.segments[number], np.flatnonzero(of == number)


def taken(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """``values[places]``, without a copy of all places as larger integers."""
    some = np.empty(len(places), values.dtype)
    for begin in range(0, len(places), AT_ONCE):
        some[begin : begin + AT_ONCE] = values[places[begin : begin + AT_ONCE]]
    return some


def names_of(segment: Segment) -> tuple[np.ndarray, np.ndarray]:
    """(uint64: the names of a segment's texts that stayed, sorted; their places in it)."""
    names = segment.array("names")
    places = np.flatnonzero(names != NAMELESS)
    places = places[np.argsort(names[places], kind="stable")]
    return names[places], places


def write_ids(segments: Sequence[Segment], places: np.ndarray, ids: Iterable[list[str]]) -> None:
    """Write the ids of new texts, each to the segment that its place (int [texts], among the new, or less than 0) is
    in."""
    writers = [StringWriter(segment.folder / "ids") for segment in segments]
    begin = 0
    for some in ids:
        own = places[begin : begin + len(some)]
        for number in np.unique(own[own >= 0] // LARGEST_SEGMENT).tolist():
            writers[number].add(some[i] for i in np.flatnonzero((own >= 0) & (own // LARGEST_SEGMENT == number)))
        begin += len(some)
    for writer in writers:
        writer.close()
