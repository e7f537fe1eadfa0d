"""Drops what the evals will ask: documents that share a run of 13 words with a protected text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from corpora.filters.filter import Drop
from corpora.lines import read_lines
from domain.text.ngrams import ngram_hashes
from domain.text.words import word_hashes, words

LENGTH = 13  # words; GPT-3, arXiv 2005.14165, appendix C
SHORTEST = 8  # words; a shorter text shares its words with innocent documents


@lru_cache(maxsize=1)
def guard(texts: Path) -> Decontamination:
    """The n-grams of a file of protected texts, read once in a process and not for every shard."""
    return Decontamination(texts)


class Decontamination:
    """The n-grams of all protected texts; texts of 8 to 12 words count whole."""

    def __init__(self, texts: Path) -> None:
        self.tables: dict[int, dict[int, str]] = {}
        self.unprotected = 0
        for record in read_lines(texts):
            hashes = word_hashes(words(record["text"]))
            length = min(LENGTH, len(hashes))
            if length < SHORTEST:
                self.unprotected += 1
                continue
            table = self.tables.setdefault(length, {})
            for gram in ngram_hashes(hashes, length).tolist():
                table.setdefault(gram, record["task"])
        self.keys = {length: np.sort(np.fromiter(t, np.uint64, len(t))) for length, t in self.tables.items()}

    def judge(self, hashes: np.ndarray) -> Drop | None:
        """Drop a document (word hashes, uint64 [words]) with a protected run in it, naming the task."""
        for length, keys in self.keys.items():
            grams = ngram_hashes(hashes, length)
            if not len(grams):
                continue
            place = np.searchsorted(keys, grams)
            place[place == len(keys)] = 0
            hits = np.flatnonzero(keys[place] == grams)
            if len(hits):
                return Drop("contaminated", self.tables[length][int(grams[hits[0]])])
        return None
