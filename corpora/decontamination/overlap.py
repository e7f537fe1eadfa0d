"""Finds training text that shares runs of words with the corpus's own test text, and drops or cuts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from corpora.decontamination.sentences import without
from domain.manifest import write_json
from domain.spec import Share, Spec
from domain.text.ngrams import Bits, ngrams_of
from domain.text.words import Split, Words, mixed

AT_ONCE = 1 << 20  # n-grams put into the table of bits together
MOST_TEXTS = 16  # test documents by which an n-gram is known; one that more hold is none's own


class Overlap(Spec):
    """What becomes of training documents that share n-grams of words with the corpus's own test text."""

    words: Annotated[int, Field(ge=5, le=1_000, description="length of an n-gram")] = 13
    on_match: Annotated[
        Literal["drop", "cut", "keep"],
        Field(description="documents above max_share; every sentence or line that shares an n-gram; or nothing"),
    ] = "drop"
    max_share: Annotated[
        Share, Field(description="share of a document's n-grams that stand in test text, or of a test document's in it")
    ] = 0.5


@lru_cache(maxsize=1)
def overlap_table(folder: Path, spec: Overlap, written: int) -> OverlapTable:
    """The table, opened once in a process and not for every shard; ``written`` tells one from its forerunner."""
    return OverlapTable(folder, spec)


class OverlapTable:
    """The n-grams of the test text, to be found in training text; read where they are needed."""

    def __init__(self, folder: Path, spec: Overlap) -> None:
        self.spec = spec
        self.keys, self.texts = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", "texts"))
        self.begins, self.sizes = np.load(folder / "begins.npy", mmap_mode="r"), np.load(folder / "sizes.npy")
        self.limit = np.load(folder / "limit.npy")
        self.bits = Bits()
        for begin in range(0, len(self.keys), AT_ONCE):
            self.bits.add(np.asarray(self.keys[begin : begin + AT_ONCE]))

    def matches(self, texts: Sequence[str]) -> Iterator[Match]:
        """What each text shares with test text."""
        split = Split(texts)
        grams, begins = ngrams_of(split.hashes, split.offsets, self.spec.words)
        likely = np.flatnonzero(self.bits.hold(grams))
        places = np.searchsorted(self.keys, grams[likely])
        equal = self.keys[np.minimum(places, len(self.keys) - 1)] == grams[likely]
        at, keys = likely[equal], places[equal]
        bounds = np.searchsorted(at, begins)
        for number, words in enumerate(split):
            here = slice(int(bounds[number]), int(bounds[number + 1]))
            own = grams[begins[number] : begins[number + 1]]
            yield self.match(words, own, at[here] - begins[number], keys[here])

    def match(self, words: Words, grams: np.ndarray, places: np.ndarray, keys: np.ndarray) -> Match:
        """What one text shares: n-grams of it at these places (in words), which have these numbers in the table."""
        if not len(places):
            return Match()
        count = int((mixed(grams) <= self.limit).sum())
        keys_once = np.unique(keys)
        begins, ends = self.begins[keys_once], self.begins[keys_once + 1]
        specific = ends - begins <= MOST_TEXTS
        texts = np.concatenate([self.texts[b:e] for b, e in zip(begins[specific], ends[specific], strict=True)] or [[]])
        owners, counts = np.unique(texts.astype(np.int64), return_counts=True)
        of_test = float((counts / self.sizes[owners]).max()) if len(owners) else 0.0
        starts, stops = words.starts[places].tolist(), words.ends[places + self.spec.words - 1].tolist()
        spans = list(zip(starts, stops, strict=True))
        return Match(keys=keys_once, share=len(places) / count, of_test=of_test, spans=spans)


@dataclass(frozen=True)
class Match:
    """What a training document shares with test text: ``keys``, numbers of n-grams; ``share`` of its own n-grams that
    stand in test text, ``of_test`` of one test document's that stand in it; ``spans``, where, in characters.
    """

    keys: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    share: float = 0.0
    of_test: float = 0.0
    spans: list[tuple[int, int]] = field(default_factory=list)


class OverlapOfShard:
    """What is done with the training documents of one shard, and what they share with test text."""

    def __init__(self, test: OverlapTable) -> None:
        self.test = test
        self.came, self.stays = list[np.ndarray](), list[np.ndarray]()
        self.sharing, self.gone = Counter[str](), Counter[str]()

    def settled(self, sources: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """(text as it stays, ledger event or None) of each training document."""
        spec = self.test.spec
        for source, text, match in zip(sources, texts, self.test.matches(texts), strict=True):
            if not len(match.keys):
                yield text, None
                continue
            self.sharing[source] += 1
            self.came.append(match.keys)
            if spec.on_match == "cut":
                left, count = without(text, match.spans)
                self.gone[source] += not left
                yield left, {"stage": "holdout", "action": "changed", "reason": "test overlap", "detail": str(count)}
            elif spec.on_match == "drop" and max(match.share, match.of_test) > spec.max_share:
                self.gone[source] += 1
                detail = f"{match.share:.0%} of it stands in test text, {match.of_test:.0%} of a test text in it"
                yield text, {"stage": "holdout", "action": "dropped", "reason": "test overlap", "detail": detail}
            else:
                self.stays.append(match.keys)
                yield text, None

    def save(self, folder: Path, name: str) -> None:
        """Write what was counted."""
        empty = np.empty(0, np.int64)
        came, stays = (np.unique(np.concatenate([empty, *each])) for each in (self.came, self.stays))
        np.savez(folder / f"{name}.npz", came=came, stays=stays)
        write_json(folder / f"{name}.json", {"sharing": dict(self.sharing), "gone": dict(self.gone)})
