"""What a work folder's entries say of the documents of one build, and what that build adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corpora.candidates import Candidates
from corpora.heldout.entries import Entry, write_entry
from corpora.heldout.ngrams import distinctive
from corpora.heldout.texts import NO_TEXT, HeldOutTexts, TrainedTexts, earlier
from corpora.holdout import TRAIN, VALIDATION, Holdout
from domain.machine import Machine

if TYPE_CHECKING:
    from corpora.heldout.ngram_pass import TextNgrams

REFERENCE = 100_000  # training documents that say which n-grams of a held-out text are nothing of its own


@dataclass(frozen=True)
class History:
    """Of each document of a build: which held-out text it is kin of, and whether it was trained on."""

    heldout: HeldOutTexts
    trained: TrainedTexts
    kin: np.ndarray  # int64 [documents]: a held-out text, or NO_TEXT
    is_held_out: np.ndarray  # bool [documents]: it equals a held-out text
    is_trained: np.ndarray  # bool [documents]: this very text went to training under the same hold-out
    is_settled: np.ndarray  # bool [documents]: this very text was given a split before, under whatever hold-out

    @classmethod
    def of(
        cls, entries: Sequence[Entry], holdout: Holdout, candidates: Candidates, shards: Sequence[str], scratch: Path,
        machine: Machine,
    ) -> History:  # fmt: skip
        """Look up all documents. Only the texts of new ones that are no near duplicates are read, for their n-grams."""
        from corpora.heldout.ngram_pass import read_ngrams

        heldout, trained = HeldOutTexts(entries), TrainedTexts(entries, holdout.shares())
        keys = candidates.raw_keys
        is_held_out = heldout.equal(keys) != NO_TEXT
        is_trained = trained.equal(keys)
        is_settled = is_held_out | TrainedTexts(entries).equal(keys)
        kin = heldout.kin(keys, candidates.raw_bands)
        filtered = candidates.rows[candidates.changed]
        after = heldout.kin(candidates.keys[candidates.changed], candidates.bands[candidates.changed])
        kin[filtered] = earlier(kin[filtered], after)
        new = np.flatnonzero((kin == NO_TEXT) & ~is_trained)
        if len(new) and len(heldout):
            what, table = "compare with held-out text", np.unique(heldout.grams)
            read = read_ngrams(shards, candidates.raw_starts, new, scratch, machine, what, table)
            edited = heldout.edited(read.grams, read.begins, read.words)
            kin[new] = earlier(edited, heldout.replaced(read.pieces, read.words))
        return cls(heldout, trained, kin, is_held_out, is_trained, is_settled)

    def heldout_splits(self, otherwise: int) -> np.ndarray:
        """int64 [documents]: the split of the held-out text that each is kin of; ``otherwise`` where there is none."""
        return self.heldout.split_codes(self.kin, otherwise)

    def trained_kin(self, bands: np.ndarray) -> np.ndarray:
        """bool: whether documents with these bands are near duplicates of text that went to training."""
        return self.trained.kin(bands)

    def record(
        self, work: Path, name: str, holdout: Holdout, candidates: Candidates, outcomes: np.ndarray,
        shards: Sequence[str], scratch: Path, machine: Machine,
    ) -> None:  # fmt: skip
        """Write the entry of a corpus: the texts to which it gave a split first."""
        keys, bands = candidates.raw_keys[:, 0], candidates.raw_bands
        into_training = np.flatnonzero((outcomes == TRAIN) & ~self.is_trained)
        texts = np.flatnonzero((outcomes <= VALIDATION) & ~self.is_held_out)
        number = np.full(len(keys), NO_TEXT, np.int64)
        number[texts] = np.arange(len(texts))
        filtered = candidates.changed[number[candidates.rows[candidates.changed]] != NO_TEXT]
        own = self.own_grams(texts, keys, outcomes, candidates, shards, scratch, machine)
        arrays = {
            "splits": outcomes[texts].astype(np.uint8),
            "words": own.words,
            "keys": np.concatenate((keys[texts], candidates.keys[filtered, 0])),
            "bands": np.concatenate((bands[texts], candidates.bands[filtered])),
            "texts": np.concatenate((number[texts], number[candidates.rows[filtered]])),
            "grams": own.grams,
            "begins": own.begins,
            "pieces": own.pieces,
            "trained_keys": np.unique(keys[into_training]),
            "trained_bands": np.sort(bands[into_training].T, axis=1),
        }
        write_entry(work, name, holdout.shares(), self.heldout.entries, arrays)

    def own_grams(
        self, texts: np.ndarray, keys: np.ndarray, outcomes: np.ndarray, candidates: Candidates,
        shards: Sequence[str], scratch: Path, machine: Machine,
    ) -> TextNgrams:  # fmt: skip
        """What is recorded of held-out documents; of their n-grams a sample of those that no training text has."""
        from corpora.heldout.ngram_pass import read_ngrams

        starts, what = candidates.raw_starts, "remember held-out text"
        own = read_ngrams(shards, starts, texts, scratch, machine, what)
        if not len(own.grams):
            return own
        # A share of all documents by their keys, so that it is the same one whatever comes in which order.
        reference = np.flatnonzero((outcomes == TRAIN) & (keys / 2.0**64 >= 1 - REFERENCE / len(keys)))
        table = np.unique(own.grams)
        common = np.unique(read_ngrams(shards, starts, reference, scratch, machine, what, table).grams)
        samples = [distinctive(own.grams[begin:end], common) for begin, end in pairwise(own.begins.tolist())]
        begins = np.cumsum([0, *map(len, samples)], dtype=np.int64)
        return replace(own, grams=np.concatenate(samples), begins=begins)
