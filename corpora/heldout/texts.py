"""All held-out texts of a work folder, and which other texts equal or resemble them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpora.heldout.entries import Entry
from corpora.heldout.ngrams import among, needed
from corpora.heldout.pieces import PIECES, equal_pieces_needed, piece_counts
from domain.text.minhash import BANDS

NO_TEXT = -1
COLUMNS = {  # of an entry: dtype and further dimension
    "splits": (np.uint8, ()),  # of each held-out text: its place in ``corpora.heldout.holdout.LOUDEST``
    "words": (np.int64, ()),  # of each held-out text
    "keys": (np.uint64, ()),  # of each signature, sorted by nothing: a text has one before the filters and one after
    "bands": (np.uint64, (BANDS,)),  # of each signature
    "texts": (np.int64, ()),  # of each signature: the text's number
    "sizes": (np.int64, ()),  # of each held-out text: how many n-grams it has; negative where these are not its own
    "pieces": (np.uint64, (PIECES,)),  # of each held-out text
    "grams": (np.uint64, ()),  # the n-grams of all texts, sorted
    "gram_texts": (np.int32, ()),  # the text of each n-gram
    "trained_keys": (np.uint64, ()),  # sorted, of all texts that went to training
    "trained_bands": (np.uint64, ()),  # [14, texts] each row sorted
}
ON_DISK = ("grams", "gram_texts", "trained_keys", "trained_bands")  # a kilobyte for a text, and are searched there


@dataclass(frozen=True)
class Column:
    """Hashes of texts, sorted; where several texts have one, the first of them stands."""

    hashes: np.ndarray  # uint64
    texts: np.ndarray  # int64

    @classmethod
    def of(cls, hashes: np.ndarray, texts: np.ndarray) -> Column:
        """Sort."""
        places = np.lexsort((texts, hashes))
        return cls(hashes[places], texts[places])

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """int64: the text that has each hash, or ``NO_TEXT``."""
        texts = np.full(len(hashes), NO_TEXT, np.int64)
        there = among(self.hashes, hashes)
        texts[there] = self.texts[np.searchsorted(self.hashes, hashes[there])]
        return texts


class HeldOutTexts:
    """The held-out texts of several entries, numbered so that those in test come first."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = list(entries)
        names = [name for name in COLUMNS if name not in ON_DISK]
        parts = [{name: entry.read(name) for name in names} for entry in self.entries]
        columns = {
            name: np.concatenate([np.empty((0, *COLUMNS[name][1]), COLUMNS[name][0]), *(part[name] for part in parts)])
            for name in names
        }
        counts = [len(part["splits"]) for part in parts]
        firsts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        order = np.argsort(columns["splits"], kind="stable")
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(len(order))
        self.numbers = np.split(number, firsts[1:-1]) if parts else []  # of each entry's texts
        texts = number[columns["texts"] + np.repeat(firsts[:-1], [len(part["texts"]) for part in parts])]
        self.splits, self.words, self.sizes = (columns[name][order] for name in ("splits", "words", "sizes"))
        self.keys = Column.of(columns["keys"], texts)
        self.bands = [Column.of(column, texts) for column in columns["bands"].T]
        pieces = columns["pieces"][order].ravel()
        places = np.argsort(pieces, kind="stable")
        self.pieces, self.piece_texts = pieces[places], places // PIECES

    def __len__(self) -> int:
        return len(self.splits)

    def equal(self, keys: np.ndarray) -> np.ndarray:
        """int64 [texts]: the held-out text with the same first half of its key (uint64 [texts]), or ``NO_TEXT``."""
        return self.keys.find(keys)

    def kin(self, keys: np.ndarray, bands: Iterable[np.ndarray]) -> np.ndarray:
        """int64 [texts]: the first held-out text that has the key or shares a band (uint64 [texts], one by one)."""
        numbers = self.equal(keys)
        for column, hashes in zip(self.bands, bands, strict=True) if len(self) else ():
            numbers = earlier(numbers, column.find(hashes))
        return numbers

    def edited(self, grams: np.ndarray, begins: np.ndarray, words: np.ndarray) -> np.ndarray:
        """int64 [texts]: the first held-out text of which each text has enough n-grams, or ``NO_TEXT``.

        ``grams`` (uint64) are those that the texts share with any held-out one, ``begins`` where each text's begin,
        ``words`` how many words each text has.
        """
        rows = np.repeat(np.arange(len(words)), np.diff(begins))
        numbers = np.full(len(words), NO_TEXT, np.int64)
        for entry, own in zip(self.entries, self.numbers, strict=True):
            of, texts, hits = matches(entry.read("grams"), entry.read("gram_texts"), grams, rows)
            texts = own[texts]
            enough = hits >= needed(self.sizes[texts], self.words[texts], words[of])
            numbers = earlier(numbers, first_texts(len(words), of[enough], texts[enough]))
        return numbers

    def gram_tables(self) -> list[str]:
        """The files with the n-grams of all texts, sorted in each."""
        return [str(entry.file("grams")) for entry in self.entries]

    def replaced(self, pieces: np.ndarray, words: np.ndarray) -> np.ndarray:
        """int64 [texts]: the first held-out text from which each differs in a word or two, or ``NO_TEXT``.

        ``pieces`` (uint64 [texts, 8]) are their ``piece_hashes``, ``words`` how many words each text has.
        """
        rows, places = np.nonzero(np.arange(PIECES) < piece_counts(words)[:, None])
        rows, texts, hits = matches(self.pieces, self.piece_texts, pieces[rows, places], rows)
        enough = hits >= equal_pieces_needed(words[rows])
        return first_texts(len(words), rows[enough], texts[enough])

    def split_codes(self, numbers: np.ndarray, otherwise: int) -> np.ndarray:
        """int64: the place in ``LOUDEST`` of the split of each held-out text; ``otherwise`` for ``NO_TEXT``."""
        if not len(self):
            return np.full(len(numbers), otherwise, np.int64)
        return np.where(numbers == NO_TEXT, otherwise, self.splits[numbers]).astype(np.int64)


def matches(
    table: np.ndarray, table_texts: np.ndarray, hashes: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, texts, hits), int64: how many of a row's hashes (uint64) a held-out text has, by the sorted table."""
    first = np.searchsorted(table, hashes, side="left")
    counts = np.searchsorted(table, hashes, side="right") - first
    rows, place = np.repeat(rows, counts), np.repeat(first - np.cumsum(counts) + counts, counts)
    pairs = np.stack((rows, table_texts[place + np.arange(len(place))]), axis=1)
    pairs, hits = np.unique(pairs, axis=0, return_counts=True)
    return pairs[:, 0], pairs[:, 1], hits


def first_texts(count: int, rows: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """int64 [count]: the first text of each row, by pairs in any order; ``NO_TEXT`` for a row without one."""
    numbers = np.full(count, NO_TEXT, np.int64)
    order = np.lexsort((texts, rows))
    rows, first = np.unique(rows[order], return_index=True)
    numbers[rows] = texts[order][first]
    return numbers


def earlier(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The smaller of two numbers of texts, where ``NO_TEXT`` is none."""
    both = np.minimum(numbers.view(np.uint64), others.view(np.uint64))  # -1 is the largest
    return both.view(np.int64)


class TrainedTexts:
    """The texts that went to training under one hold-out: a later build under the same one leaves them there.

    Without ``shares``, under any hold-out.
    """

    def __init__(self, entries: Sequence[Entry], shares: Mapping[str, float] | None = None) -> None:
        self.entries = [entry for entry in entries if shares is None or entry.shares == shares]

    def equal(self, keys: np.ndarray) -> np.ndarray:
        """bool [texts]: whether a text with the same first half of its key (uint64 [texts]) went to training."""
        there = np.zeros(len(keys), bool)
        for entry in self.entries:
            there |= among(entry.read("trained_keys"), keys)
        return there

    def kin(self, bands: Iterable[np.ndarray], count: int) -> np.ndarray:
        """bool [texts]: whether each of ``count`` texts shares a band (uint64 [texts], one by one) with one that went
        to training."""
        there = np.zeros(count, bool)
        for place, hashes in enumerate(bands) if self.entries else ():
            for entry in self.entries:
                there |= among(entry.read("trained_bands")[place], hashes)
        return there
