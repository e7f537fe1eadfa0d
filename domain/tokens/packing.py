"""Pack a source's documents into rows that know the document of every token; the plain token stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, Protocol

import numpy as np

Packing = Literal["stream", "best_fit", "separate"]
PADDING = -1  # the segment of a position that holds no token


@dataclass(frozen=True)
class Rows:
    """A batch of rows, each one token longer than the context so that every position has a next token.

    ``tokens`` int64 [rows, context + 1]; ``segments`` int64 [rows, context + 1]: the number of the
    document within its row, rising from 0; -1 where a row is filled up, at its end, and the token is 0.
    """

    tokens: np.ndarray
    segments: np.ndarray


class Documents(Protocol):
    """Documents by number, as ``Shards`` has them."""

    def document(self, index: int) -> np.ndarray:
        """The ids of one document."""
        ...


@dataclass(frozen=True)
class SourceDocuments:
    """The documents of one source: their numbers in ``shards`` and their lengths in tokens, both int64 [documents]."""

    shards: Documents
    part: str
    name: str
    numbers: np.ndarray
    lengths: np.ndarray

    @cached_property
    def tokens(self) -> int:
        """Tokens of all its documents."""
        return int(self.lengths.sum())

    def order(self, seed: int, epoch: int, count: int) -> np.ndarray:
        """A shuffle of ``count`` things that depends on seed, part, name and epoch alone.

        Not on the mixture nor on other sources, so that general text comes in the same order in every arm.
        """
        name = int.from_bytes(hashlib.sha256(f"{self.part}/{self.name}".encode()).digest()[:8], "big")
        return np.random.default_rng([seed, name, epoch]).permutation(count)

    def document(self, number: int) -> np.ndarray:
        """The ids of its document ``number``."""
        return self.shards.document(int(self.numbers[number]))


class Packed(Protocol):
    """A source as an endless series of rows, any of which is found without those before it."""

    source: SourceDocuments

    @property
    def truncated(self) -> float:
        """Share of the documents that are not whole in one row."""
        ...

    @property
    def padding(self) -> float:
        """Share of the positions that hold no token."""
        ...

    def write(self, number: int, tokens: np.ndarray, segments: np.ndarray) -> None:
        """Fill tokens and segments (int64 [context + 1]) of row ``number``."""
        ...

    def rows(self, epochs: float) -> int:
        """Whole rows in so many passes over the source."""
        ...

    def epochs(self, rows: int) -> float:
        """Passes over the source that so many rows make."""
        ...


class Stream:
    """The documents in an order that depends on (seed, source, epoch) alone, as one endless run of tokens.

    Row ``k`` holds the tokens ``k * context`` to ``(k + 1) * context`` inclusive: neighbours share one
    token, which the first predicts and the second conditions on. No padding; most documents meet a border.
    """

    padding = 0.0

    def __init__(self, source: SourceDocuments, *, context: int, seed: int) -> None:
        self.source, self.context, self.seed = source, context, seed
        self.order = lru_cache(maxsize=1)(self._order)  # rows rise, so that an epoch that is left is not read again

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The documents of an epoch and where each ends in the epoch's run of tokens."""
        documents = self.source.order(self.seed, epoch, len(self.source.lengths))
        return documents, np.cumsum(self.source.lengths[documents])

    @cached_property
    def truncated(self) -> float:
        """Share of the documents that are not whole in one row, in the first epoch."""
        documents, ends = self.order(0)
        begins = ends - self.source.lengths[documents]
        return float(np.mean(ends - 1 > (begins // self.context + 1) * self.context))

    def rows(self, epochs: float) -> int:
        """Whole rows in so many passes over the source."""
        return int(epochs * self.source.tokens / self.context)

    def epochs(self, rows: int) -> float:
        """Passes over the source that so many rows make."""
        return rows * self.context / self.source.tokens

    def write(self, number: int, tokens: np.ndarray, segments: np.ndarray) -> None:
        """Fill tokens and segments (int64 [context + 1]) of row ``number``."""
        epoch, start = divmod(number * self.context, self.source.tokens)
        filled = segment = 0
        documents, ends = self.order(epoch)
        place = int(ends.searchsorted(start, side="right"))
        while filled <= self.context:
            if place == len(documents):
                epoch, start, place = epoch + 1, 0, 0
                documents, ends = self.order(epoch)
            document = self.source.document(int(documents[place]))
            piece = document[len(document) - (int(ends[place]) - start) :][: self.context + 1 - filled]
            size = len(piece)
            tokens[filled : filled + size] = piece
            segments[filled : filled + size] = segment
            filled, start, segment, place = filled + size, start + size, segment + 1, place + 1
