"""Finds, and drops or cuts, documents that share a run of 13 words with a text of the evals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from corpora.decontamination.protected_texts import ProtectedTexts
from corpora.decontamination.sentences import without
from domain.spec import Share, Spec
from domain.text.fold import fold, fold_words
from domain.text.ngrams import Bits, ngram_hashes, ngram_hashes_at, ngrams_of
from domain.text.words import Split


class Decontamination(Spec):
    """What counts as asked by the evals, and what becomes of a document that holds it."""

    words: Annotated[
        int, Field(ge=2, le=1_000, description="length of a run; 13 is GPT-3's, arXiv 2005.14165, appendix C")
    ] = 13
    min_words: Annotated[
        int,
        Field(
            ge=2,
            le=1_000,
            description="a protected text of fewer words than a run is matched whole, from this length on",
        ),
    ] = 6
    common: Annotated[
        Share,
        Field(description="share of all documents; a run in more of them may be boilerplate, and is let be if so"),
    ] = 0.001
    on_match: Annotated[
        Literal["drop", "cut"], Field(description="the document, or the sentence or line around it")
    ] = "drop"
    max_share: Annotated[Share, Field(description="share of a source's documents; beyond it the run stops")] = 0.01

    @model_validator(mode="after")
    def _in_order(self) -> Decontamination:
        if self.min_words > self.words:
            raise ValueError(f"min_words is {self.min_words}, words {self.words}; lower min_words")
        return self


@lru_cache(maxsize=1)
def guard(texts: Path, spec: Decontamination) -> Guard:
    """The guard over a file of protected texts, made once in a process and not for every shard."""
    return Guard(texts, spec)


class Guard:
    """The runs of words of all protected texts, numbered.

    A run is found by its first ``shortest`` words: one look at a table of bits clears 97 of 100 places.
    """

    def __init__(self, texts: Path, spec: Decontamination) -> None:
        self.spec = spec
        self.texts = ProtectedTexts(texts)
        words, sizes = self.texts.words, self.texts.sizes
        items = self.texts.item
        self.short_items = np.setdiff1d(items, items[sizes >= spec.min_words]).tolist()
        self.lengths, self.keys, self.numbers = list[int](), list[np.ndarray](), [0]
        places = [np.empty((0, 3), np.int64)]
        self.prefixes, self.runs = Bits(), Bits()
        for length in range(spec.min_words, spec.words + 1):
            whole = np.flatnonzero(sizes >= length) if length == spec.words else np.flatnonzero(sizes == length)
            chosen = Split.of([words[row] for row in whole.tolist()])
            grams, begins = ngrams_of(chosen.hashes, chosen.offsets, length)
            if not len(grams):
                continue
            keys, inverse = np.unique(grams, return_inverse=True)
            counts = np.diff(begins)
            at = np.arange(len(grams)) - np.repeat(begins[:-1], counts)
            here = np.stack((inverse + self.numbers[-1], np.repeat(whole, counts), at), axis=1)
            places.append(here[np.argsort(inverse)])
            self.lengths.append(length)
            self.keys.append(keys)
            self.numbers.append(self.numbers[-1] + len(keys))
            self.prefixes.add(ngrams_of(chosen.hashes, chosen.offsets, spec.min_words)[0])
            self.runs.add(keys)
        # Where each run stands: in which text, from which word on; runs ascend.
        runs, self.rows, self.places = np.concatenate(places).T
        self.counts = np.bincount(runs)
        self.begins = np.cumsum(self.counts) - self.counts
        of_items = np.unique(np.stack((runs, self.texts.item[self.rows]), axis=1), axis=0)
        self.is_shared = np.bincount(of_items[:, 0]) > 1

    @cached_property
    def tasks_of_item(self) -> dict[int, set[str]]:
        """The tasks that ask each item."""
        tasks = defaultdict[int, set[str]](set)
        for item, task in zip(self.texts.item.tolist(), self.texts.tasks, strict=True):
            tasks[item].add(task)
        return tasks

    def expand(self, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(place in ``runs``, row of a protected text, word in it): where each of ``runs`` stands, int64 [places]."""
        counts = self.counts[runs]
        pairs = np.repeat(np.arange(len(runs)), counts)
        within = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
        at = self.begins[runs][pairs] + within
        return pairs, self.rows[at], self.places[at]

    def matches(self, words: Split, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """int64 [finds, 2]: the number of a document, and of a protected run in it; each pair once, ascending.

        ``numbers`` names the texts of ``words``. A text is matched whole, so no edge hides a run, and folded, so that
        no invisible character, width or hyphen at a line's end can (see ``domain.text.fold``).
        """
        words = fold_words(words)
        places, runs = self.locate(words.hashes, words.offsets)
        texts = np.searchsorted(words.offsets, places, side="right") - 1
        pairs = np.unique(np.asarray(numbers, np.int64)[texts] << 32 | runs)  # as one number: 6 times as fast
        return np.stack(np.divmod(pairs, 2**32), axis=1)

    def locate(self, hashes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(place of its first word, number) of each protected run in the words of a ``Split``."""
        likely = np.flatnonzero(self.prefixes.hold(ngram_hashes(hashes, self.spec.min_words)))
        ends = offsets[np.searchsorted(offsets, likely, side="right")]
        places, runs = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for length, keys, number in zip(self.lengths, self.keys, self.numbers, strict=False):
            here = likely[likely + length <= ends]
            grams = ngram_hashes_at(hashes, here, length)
            listed = np.flatnonzero(self.runs.hold(grams))
            here, grams = here[listed], grams[listed]
            nearest = np.minimum(np.searchsorted(keys, grams), len(keys) - 1)
            equal = keys[nearest] == grams
            places.append(here[equal])
            runs.append(nearest[equal] + number)
        return np.concatenate(places), np.concatenate(runs)

    def cut(self, text: str, runs: Sequence[int]) -> tuple[str, int]:
        """(text without the sentences or lines that hold these runs, how many passages went).

        Nothing of the text is left where a run is not in it: then it was in the text as it came, before a filter
        broke it up, and what remains of it cannot be told.
        """
        folded = fold(text)
        words = Split((folded.text,))
        places, runs_here = self.locate(words.hashes, words.offsets)
        matched = np.isin(runs_here, runs)
        if not set(runs) <= set(runs_here[matched].tolist()):
            return "", 1
        lengths = np.array(self.lengths)[np.searchsorted(self.numbers, runs_here[matched], side="right") - 1]
        begins, stops = words.starts[places[matched]], words.ends[places[matched] + lengths - 1]
        spans = [folded.original(begin, stop) for begin, stop in zip(begins.tolist(), stops.tolist(), strict=True)]
        return without(text, spans)
