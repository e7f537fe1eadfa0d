"""What deduplication remembers from run to run: bands, keys and ids of every text that took part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.dedup.exact import first_of_equals
from corpora.dedup.index_segment import LARGEST_SEGMENT, Segment
from corpora.dedup.near import bucket_edges, components
from domain.errors import UserError
from domain.jsonfile import read_json
from domain.manifest import write_json

VERSION = 2
NAMELESS = np.uint64(0)  # of a text that did not stay


@dataclass(frozen=True)
class Duplicates:
    """What is there already. The n texts of a run are numbered from the index's length on, as their arrays are."""

    equal: np.ndarray  # int64 [texts]: the earliest text with the same key, remembered or new; itself where it is that
    recalls: np.ndarray  # bool [texts]: it shares a band with a remembered text
    repeats: np.ndarray  # bool [texts]: it shares a band with an earlier text of this run
    roots: np.ndarray  # int64 [texts]: the earliest text of its cluster
    joined: np.ndarray  # int64 [pairs, 2]: roots of remembered clusters that a new text joins, and what is now theirs

    @property
    def drops(self) -> np.ndarray:
        """bool [texts]: it shares a band with an earlier text, remembered or new."""
        both: np.ndarray = self.recalls | self.repeats
        return both

    def current_roots(self, roots: np.ndarray) -> np.ndarray:
        """int64: the roots that remembered clusters (int64) have now."""
        return remapped(self.joined[np.argsort(self.joined[:, 0])], roots)

    def part(self, which: np.ndarray, before: int) -> Duplicates:
        """These of the run's texts (bool), numbered anew; ``before`` is how many are remembered.

        No cluster may be divided by it, unless an earlier text than the run's is its root.
        """
        places = before + np.cumsum(which) - 1
        equal, roots = (
            np.where(column < before, column, places[np.maximum(column - before, 0)])[which]
            for column in (self.equal, self.roots)
        )
        return Duplicates(equal, self.recalls[which], self.repeats[which], roots, self.joined)


class Index:
    """Remembered texts, numbered in the order in which they came.

    ``find`` and ``add`` in turn, over several runs, drop what ``near_duplicates`` and ``first_of_equals`` drop of all
    texts at once in the same order; the last run's clusters are those of all texts, too. What they cost grows with the
    new texts: the remembered ones are searched, on disk, in at most log2 of their number segments. A hash is kept to
    40 bits at least: a new text is taken for one of 10 million others by mistake once in 8,000.
    """

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self.segments = list(segments)

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index that ``save`` wrote. Raises ``UserError`` where there is none of this version."""
        try:
            stated = read_json(folder / "index.json")
            if stated["version"] != VERSION:
                raise ValueError(f"version {stated['version']}")
            if not all(re.fullmatch("[0-9]{10}", name) for name in stated["segments"]):  # none leads elsewhere
                raise ValueError(f"segments {stated['segments']}"[:100])
            return cls([Segment.open(folder / name) for name in stated["segments"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"no index of remembered texts that can be read ({error})"
            raise UserError(
                str(folder), problem, "name a corpus that this version made, or curate all texts anew"
            ) from None

    def save(self, folder: Path) -> None:
        """Write all of it to a new folder; the same runs give the same bytes. 150 bytes a text."""
        folder.mkdir(parents=True)
        names = [f"{segment.first:010d}" for segment in self.segments]
        for name, segment in zip(names, self.segments, strict=True):
            segment.save(folder / name)
        write_json(folder / "index.json", {"version": VERSION, "segments": names})

    def find(self, keys: np.ndarray, bands: np.ndarray, order: np.ndarray) -> Duplicates:
        """Look up a run's texts: keys uint64 [texts, 2], band hashes uint64 [texts, 14], order int64 [texts]."""
        count, ranked = len(keys), np.argsort(order, kind="stable")
        columns = np.column_stack((keys[:, 0], bands))[ranked]
        stored = self.lookup(columns, keys[ranked, 1])
        names = len(self) + ranked  # the texts' numbers, earliest first

        same = np.where(stored[:, 0] >= 0, stored[:, 0], names[first_of_equals(keys[ranked], np.arange(count))])
        left, right = bucket_edges(bands[ranked])
        texts, places = np.nonzero(stored[:, 1:] >= 0)
        roots = self.roots(stored[:, 1:][texts, places])
        unique = np.unique(roots)
        nodes = np.concatenate((unique, names))
        one = np.concatenate((np.searchsorted(unique, roots), left + len(unique)))
        other = np.concatenate((texts + len(unique), right + len(unique)))
        cluster = nodes[components(len(nodes), one, other)]

        equal, root = np.empty(count, np.int64), np.empty(count, np.int64)
        recalls, repeats = np.zeros(count, bool), np.zeros(count, bool)
        equal[ranked], root[ranked] = same, cluster[len(unique) :]
        recalls[ranked[texts]] = repeats[ranked[right]] = True
        joins = cluster[: len(unique)] != unique
        return Duplicates(equal, recalls, repeats, root, np.stack((unique, cluster[: len(unique)]), axis=1)[joins])

    def add(
        self, ids: Sequence[str], keys: np.ndarray, bands: np.ndarray, order: np.ndarray,
        duplicates: Duplicates, splits: Sequence[str | None], names: np.ndarray,
    ) -> None:  # fmt: skip
        """Remember a run's texts: all that took part, kept or not, with what ``find`` said and the split of each.

        ``names`` (uint64 [texts]) are hashes of what documents are called at their source.
        """
        if not len(ids):
            return
        start, ranked = len(self), np.argsort(order, kind="stable")
        numbers = np.empty(len(ids), np.int64)
        numbers[ranked] = start + np.arange(len(ids))
        roots = np.where(duplicates.roots < start, duplicates.roots, numbers[np.maximum(duplicates.roots - start, 0)])
        links = np.concatenate((np.stack((numbers, roots), axis=1)[roots != numbers], duplicates.joined))
        columns = np.column_stack((keys[:, 0], bands))[ranked]
        new = self.lookup(columns, keys[ranked, 1]) < 0
        stays = np.array([splits[i] is not None for i in ranked])
        self.segments.append(
            Segment.of(
                start, columns, new, keys[ranked, 1], np.where(stays, names[ranked], NAMELESS),
                [ids[i] for i in ranked], [splits[i] for i in ranked], links,
            )
        )  # fmt: skip
        while len(self.segments) > 1:  # so each text is moved at most log2(texts) times
            before, last = self.segments[-2:]
            if len(before) > len(last) or len(before) + len(last) > LARGEST_SEGMENT:
                break
            self.segments[-2:] = [before.joined(last)]

    def lookup(self, columns: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """int64 [texts, 15]: the remembered text that first had each hash, or -1; a key's both halves must be equal."""
        numbers = np.full(columns.shape, -1, np.int64)
        for segment in self.segments:
            numbers = np.maximum(numbers, segment.lookup(columns, seconds))
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

    def named(self, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(int64: the last remembered text that stayed of each document, by its name (uint64), or -1; all such names).

        A document of several texts has several entries.
        """
        every = np.concatenate([np.empty(0, np.uint64), *(segment.names for segment in self.segments)])
        places = np.flatnonzero(every != NAMELESS)
        order = places[np.argsort(every[places], kind="stable")]
        ends = np.searchsorted(every[order], names, side="right")
        if not len(order):
            return np.full(len(names), -1, np.int64), every[:0]
        last = order[np.maximum(ends, 1) - 1]
        return np.where(every[last] == names, last, -1), np.unique(every[places])

    def ids(self, numbers: np.ndarray) -> list[str]:
        """The ids of remembered texts (int64)."""
        return [str(each) for each in self.read_column("ids", numbers)]

    def splits(self, numbers: np.ndarray) -> list[str | None]:
        """The splits of remembered texts; None for one that did not stay."""
        return self.read_column("splits", numbers)

    def read_column(self, what: str, numbers: np.ndarray) -> list[str | None]:
        """What the segments tell of remembered texts."""
        firsts = np.array([segment.first for segment in self.segments])
        places = np.searchsorted(firsts, numbers, side="right") - 1
        answers: list[str | None] = [None] * len(numbers)
        for place in np.unique(places).tolist():
            segment, here = self.segments[place], np.flatnonzero(places == place)
            packed = segment.ids if what == "ids" else segment.splits
            for each, text in zip(here.tolist(), packed.at(numbers[here] - segment.first), strict=True):
                answers[each] = text
        return answers


def remapped(pairs: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """int64: numbers, those that stand first in a pair (int64 [pairs, 2], sorted) as what stands second."""
    if not len(pairs):
        return numbers
    places = np.minimum(np.searchsorted(pairs[:, 0], numbers), len(pairs) - 1)
    return np.where(pairs[places, 0] == numbers, pairs[places, 1], numbers)
