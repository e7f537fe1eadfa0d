"""What a work folder's entries say about the documents of one build, and the entry that the build adds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.dedup.candidates import Candidates
from corpora.dedup.range_sort import ArrayParts, RangeSort
from corpora.dedup.signatures import BAND_COLUMNS, KEY
from corpora.heldout.entries import Entry, write_entry
from corpora.heldout.holdout import NEITHER, TRAIN, VALIDATION, Holdout
from corpora.heldout.ngrams import SAMPLE_SIZE, recorded
from corpora.heldout.pieces import PIECES
from corpora.heldout.texts import NO_TEXT, HeldOutTexts, TrainedTexts, earlier
from domain.machine import Machine

AT_ONCE = 1 << 18  # documents of which n-grams and pieces are in memory together
REFERENCE = 100_000  # training documents that say which n-grams of a held-out text are nothing of its own


@dataclass(frozen=True)
class History:
    """Of each document of a build: which held-out text it is kin of, and whether it was trained on."""

    heldout: HeldOutTexts
    trained: TrainedTexts
    splits: np.ndarray  # int8 [documents]: of the held-out text that it is kin of, or ``NEITHER``
    is_held_out: np.ndarray  # bool [documents]: it equals a held-out text
    is_trained: np.ndarray  # bool [documents]: this very text went to training under the same hold-out
    is_settled: np.ndarray  # bool [documents]: this very text was given a split before, under whatever hold-out

    @classmethod
    def of(
        cls, entries: Sequence[Entry], holdout: Holdout, candidates: Candidates, shards: Sequence[str], scratch: Path,
        machine: Machine,
    ) -> History:  # fmt: skip
        """Look up all documents. Only the texts of new ones that are no near duplicates are read, for their n-grams."""
        from corpora.heldout.ngram_pass import joined, read_ngrams

        heldout, trained = HeldOutTexts(entries), TrainedTexts(entries, holdout.shares())
        keys = candidates.raw(KEY)
        is_held_out = heldout.equal(keys) != NO_TEXT
        is_trained = trained.equal(keys)
        is_settled = is_held_out | TrainedTexts(entries).equal(keys)
        kin = heldout.kin(keys, map(candidates.raw, BAND_COLUMNS))
        filtered = candidates.read("changed")
        after = heldout.kin(candidates.changed(KEY), map(candidates.changed, BAND_COLUMNS))
        kin[filtered] = earlier(kin[filtered], after)
        del keys
        new = np.flatnonzero((kin == NO_TEXT) & ~is_trained)
        if len(new) and len(heldout):
            for begin in range(0, len(new), AT_ONCE):
                some, tables = new[begin : begin + AT_ONCE], heldout.gram_tables()
                what, out = "compare with held-out text", scratch / "ngrams"
                read = joined(read_ngrams(shards, candidates.starts[:-1], some, out, machine, what, tables))
                edited = heldout.edited(read.grams, read.begins, read.words)
                kin[some] = earlier(edited, heldout.replaced(read.pieces, read.words))
        splits = heldout.split_codes(kin, NEITHER).astype(np.int8)
        return cls(heldout, trained, splits, is_held_out, is_trained, is_settled)

    def trained_kin(self, candidates: Candidates, documents: np.ndarray) -> np.ndarray:
        """bool: whether documents (int64) are near duplicates of text that went to training."""
        bands = (candidates.raw(column)[documents] for column in BAND_COLUMNS)
        return self.trained.kin(bands, len(documents))

    def record(
        self, work: Path, name: str, holdout: Holdout, candidates: Candidates, outcomes: np.ndarray,
        shards: Sequence[str], scratch: Path, machine: Machine,
    ) -> None:  # fmt: skip
        """Write the entry of a corpus: the texts to which it gave a split first."""
        keys, changed = candidates.raw(KEY), candidates.read("changed")
        into_training = np.flatnonzero((outcomes == TRAIN) & ~self.is_trained)
        texts = np.flatnonzero((outcomes <= VALIDATION) & ~self.is_held_out)
        filtered = np.flatnonzero(np.isin(changed, texts))

        def both(column: int) -> np.ndarray:
            """Of the texts as they came, and of those that a filter changed as it left them."""
            return np.concatenate((candidates.raw(column)[texts], candidates.changed(column)[filtered]))

        arrays: dict[str, np.ndarray | ArrayParts] = {
            **self.own_grams(texts, keys, outcomes, candidates, shards, scratch, machine),
            "splits": outcomes[texts].astype(np.uint8),
            "keys": both(KEY),
            "bands": np.stack([both(column) for column in BAND_COLUMNS], axis=1),
            "texts": np.concatenate((np.arange(len(texts)), np.searchsorted(texts, changed[filtered]))),
            "trained_keys": np.unique(keys[into_training]),
            "trained_bands": ArrayParts(np.sort(candidates.raw(each)[into_training])[None] for each in BAND_COLUMNS),
        }
        write_entry(work, name, holdout.shares(), self.heldout.entries, arrays)

    def own_grams(
        self, texts: np.ndarray, keys: np.ndarray, outcomes: np.ndarray, candidates: Candidates,
        shards: Sequence[str], scratch: Path, machine: Machine,
    ) -> dict[str, np.ndarray | ArrayParts]:  # fmt: skip
        """What is recorded of held-out documents; of their n-grams a sample of those that no training text has."""
        from corpora.heldout.ngram_pass import joined, read_ngrams

        starts, what, table = candidates.starts[:-1], "remember held-out text", scratch / "table.npy"
        paths = read_ngrams(shards, starts, texts, scratch / "own ngrams", machine, what)
        every = RangeSort(scratch / "every ngram", 2 * SAMPLE_SIZE * len(texts))
        for path in paths:
            with np.load(path) as arrays:
                every.add(arrays["grams"], np.zeros(len(arrays["grams"]), np.int32))
        ArrayParts(np.unique(grams) for grams, _ in every.parts()).save(table)
        # A share of all documents by their keys, so that it is the same one whatever comes in which order.
        reference = np.flatnonzero((outcomes == TRAIN) & (keys / 2.0**64 >= 1 - REFERENCE / len(keys)))
        trained = read_ngrams(shards, starts, reference, scratch / "ngrams", machine, what, [str(table)])
        common = np.unique(joined(trained).grams)
        own = RangeSort(scratch / "distinctive", SAMPLE_SIZE * len(texts))
        columns = defaultdict[str, list[np.ndarray]](list)
        count = 0
        for path in paths:
            with np.load(path) as arrays:
                parts = np.split(arrays["grams"], np.cumsum(arrays["sizes"])[:-1])
                samples, numbers = zip(*(recorded(part, common) for part in parts), strict=True)
                sizes = np.array(numbers, np.int64)
                own.add(np.concatenate(samples), count + np.repeat(np.arange(len(sizes)), abs(sizes)))
                columns["sizes"].append(sizes)
                for name in ("words", "pieces"):
                    columns[name].append(arrays[name])
                count += len(sizes)
        none = np.empty(0, np.int64)
        empty = {"sizes": none, "words": none, "pieces": np.empty((0, PIECES), np.uint64)}
        return {
            **{name: np.concatenate([start, *columns[name]]) for name, start in empty.items()},
            "grams": ArrayParts(grams for grams, _ in own.parts()),
            "gram_texts": ArrayParts(texts for _, texts in own.parts()),
        }
