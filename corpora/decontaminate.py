"""Drops, or cuts, what the evals will ask: documents that share a run of 13 words with a protected text."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from corpora.document import clean
from corpora.ledger import PartSource
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.spec import Share, Spec
from domain.text.ngrams import Bits, ngram_hashes, ngram_hashes_at, ngrams_of
from domain.text.words import Split, split

SENTENCE_END = re.compile(r"[.!?][\"')\]’”]*\s+|[。！？]|\n")


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
    max_documents: Annotated[
        int, Field(ge=1, le=10**9, description="a run that more documents hold is boilerplate, and is let be")
    ] = 10
    on_match: Annotated[
        Literal["drop", "cut"], Field(description="the document, or the sentence or line around it")
    ] = "drop"
    max_share: Annotated[Share, Field(description="share of a source's documents; beyond it the run stops")] = 0.01

    @model_validator(mode="after")
    def _in_order(self) -> Decontamination:
        if self.min_words > self.words:
            raise ValueError(f"min_words is {self.min_words}, words {self.words}; lower min_words")
        return self


@dataclass(frozen=True)
class Decided:
    """The task for each document that is dropped, or the runs to cut for each that is cut; and what to report."""

    dropped: dict[int, str]
    cut: dict[int, list[int]]
    facts: dict[str, Any]


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
        rows = list(read_lines(texts))
        self.tasks: list[str] = [row["task"] for row in rows]
        words = Split([clean(row["text"]) for row in rows])
        sizes = np.diff(words.offsets)
        self.too_short = Counter(self.tasks[item] for item in np.flatnonzero(sizes < spec.min_words))
        self.lengths, self.keys, self.numbers = list[int](), list[np.ndarray](), [0]
        items: list[np.ndarray] = []
        self.prefixes, self.runs = Bits(), Bits()
        for length in range(spec.min_words, spec.words + 1):
            whole = np.flatnonzero(sizes >= length) if length == spec.words else np.flatnonzero(sizes == length)
            chosen = Split.of([words[item] for item in whole.tolist()])
            grams, begins = ngrams_of(chosen.hashes, chosen.offsets, length)
            if not len(grams):
                continue
            keys, inverse = np.unique(grams, return_inverse=True)
            pairs = np.stack((inverse + self.numbers[-1], np.repeat(whole, np.diff(begins))), axis=1)
            items.append(np.unique(pairs, axis=0))
            self.lengths.append(length)
            self.keys.append(keys)
            self.numbers.append(self.numbers[-1] + len(keys))
            self.prefixes.add(ngrams_of(chosen.hashes, chosen.offsets, spec.min_words)[0])
            self.runs.add(keys)
        # Which item each run is from: runs ascending, as most belong to one.
        self.items = np.concatenate(items) if items else np.empty((0, 2), np.int64)

    def matches(self, words: Split, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """int64 [finds, 2]: the number of a document, and of a protected run in it; each pair once, ascending.

        ``numbers`` names the texts of ``words``. A text is matched whole, so no edge can hide a run.
        """
        places, runs = self.locate(words.hashes, words.offsets)
        texts = np.searchsorted(words.offsets, places, side="right") - 1
        pairs = np.unique(np.asarray(numbers, np.int64)[texts] << 32 | runs)  # as one number: 6 times as fast
        return np.stack((pairs >> 32, pairs & (2**32 - 1)), axis=1)

    def locate(self, hashes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(place of its first word, number) of each protected run in the words of a ``Split``."""
        likely = np.flatnonzero(self.prefixes.hold(ngram_hashes(hashes, self.spec.min_words)))
        ends = offsets[np.searchsorted(offsets, likely, side="right")]
        places, runs = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for length, keys, number in zip(self.lengths, self.keys, self.numbers, strict=False):
            here = likely[likely + length <= ends]
            grams = ngram_hashes_at(hashes, here, length)
            listed = self.runs.hold(grams) > 0
            here, grams = here[listed], grams[listed]
            nearest = np.minimum(np.searchsorted(keys, grams), len(keys) - 1)
            equal = keys[nearest] == grams
            places.append(here[equal])
            runs.append(nearest[equal] + number)
        return np.concatenate(places), np.concatenate(runs)

    def decide(self, finds: np.ndarray, sources: Sequence[PartSource], clusters: np.ndarray | None = None) -> Decided:
        """What becomes of the documents in which something was found (``finds`` of all shards).

        ``sources`` are (part, source) of all documents. ``clusters`` (int64 [documents]) names what counts as one
        document when runs are counted, so that eleven copies of a leaked question do not pass for boilerplate.
        Raises ``UserError`` where more than ``most`` of a source, and more than one document, are hit.
        """
        finds = np.unique(finds, axis=0)
        holders = (
            finds if clusters is None else np.unique(np.stack((clusters[finds[:, 0]], finds[:, 1]), axis=1), axis=0)
        )
        common = np.bincount(holders[:, 1]) > self.spec.max_documents
        documents, runs = finds[~common[finds[:, 1]]].T
        tasks = defaultdict[int, set[str]](set)
        matched = set[int]()
        first, last = (np.searchsorted(self.items[:, 0], runs, side=side) for side in ("left", "right"))
        for document, low, high in zip(documents.tolist(), first.tolist(), last.tolist(), strict=True):
            items = self.items[low:high, 1].tolist()
            matched.update(items)
            tasks[document].update(self.tasks[item] for item in items)
        self.refuse_many(tasks, sources)
        facts = {
            "common_runs": int(common.sum()),
            "tasks": {
                task: {
                    "texts": texts,
                    "too_short": self.too_short[task],
                    "found": sum(self.tasks[item] == task for item in matched),
                    "documents": sum(task in each for each in tasks.values()),
                }
                for task, texts in sorted(Counter(self.tasks).items())
            },
        }
        if self.spec.on_match == "drop":
            return Decided({document: ", ".join(sorted(each)) for document, each in tasks.items()}, {}, facts)
        cut = defaultdict[int, list[int]](list)
        for document, run in zip(documents.tolist(), runs.tolist(), strict=True):
            cut[document].append(run)
        return Decided({}, dict(cut), facts)

    def refuse_many(self, tasks: dict[int, set[str]], sources: Sequence[PartSource]) -> None:
        """Raise a ``UserError`` for the source that is hit worst, if that is too much."""
        sizes = Counter(sources)
        hit = Counter(sources[document] for document in tasks)
        worst = max(hit, key=lambda of: (hit[of] / sizes[of], of), default=("", ""))
        if hit[worst] <= max(1, self.spec.max_share * sizes[worst]):
            return
        by_task = Counter(task for document, each in tasks.items() if sources[document] == worst for task in each)
        task, most = max(by_task.items(), key=lambda each: (each[1], each[0]))
        share = hit[worst] / sizes[worst]
        problem = f"{hit[worst]:,} of {sizes[worst]:,} documents of {worst[1]} ({share:.1%}) hold what the evals ask"
        raise UserError(
            "corpus.decontaminate", f"{problem}, {most:,} of them {task}",
            f"leave {worst[1]} or {task} out, or raise corpus.decontaminate.max_share above {share:.4f}",
        )  # fmt: skip

    def cut(self, text: str, runs: Sequence[int]) -> tuple[str, int]:
        """(text without the sentences or lines that hold these runs, how many passages went).

        Nothing of the text is left where a run is not in it: then it was in the text as it came, before a filter
        broke it up, and what remains of it cannot be told.
        """
        words = split(text)
        places, runs_here = self.locate(words.hashes, np.array([0, len(words)]))
        matched = np.isin(runs_here, runs)
        if not set(runs) <= set(runs_here[matched].tolist()):
            return "", 1
        lengths = np.array(self.lengths)[np.searchsorted(self.numbers, runs_here[matched], side="right") - 1]
        starts, ends = words.starts[places[matched]], words.ends[places[matched] + lengths - 1]
        breaks = np.array([0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)])
        lows = breaks[np.searchsorted(breaks, starts, side="right") - 1]
        highs = breaks[np.searchsorted(breaks, ends, side="left")]
        pieces, stop, count = [], 0, 0
        for low, high in sorted(zip(lows.tolist(), highs.tolist(), strict=True)):
            if low > stop or not count:
                pieces.append(text[stop:low])
                count += 1
            stop = max(stop, high)
        return clean("".join([*pieces, text[stop:]])), count
