"""Rows cut from a shuffled stream of documents, each token knowing which document it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from domain.tokens.shards import Shard


@dataclass(frozen=True)
class Rows:
    """A batch of rows, each one token longer than the context so that every position has a next token.

    ``tokens`` int64 [rows, context + 1]; ``segments`` int64 [rows, context + 1]: the number of the
    document within its row, rising from 0.
    """

    tokens: np.ndarray
    segments: np.ndarray


class Stream:
    """The documents of a shard in an order that depends on (seed, epoch) alone, as one endless run of tokens.

    Row ``k`` holds the tokens ``k * context`` to ``(k + 1) * context`` inclusive: neighbours share one
    token, which the first predicts and the second conditions on. Any row is found without those before it.
    """

    def __init__(self, shard: Shard, *, context: int, seed: tuple[int, ...]) -> None:
        self.shard, self.context, self.seed = shard, context, seed
        self.lengths = np.diff(shard.offsets)
        self.order = lru_cache(maxsize=2)(self._order)

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The documents of an epoch and where each ends in the epoch's run of tokens."""
        documents = np.random.default_rng([*self.seed, epoch]).permutation(len(self.lengths))
        return documents, np.cumsum(self.lengths[documents])

    def row(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and segments (int64 [context + 1]) of row ``number``."""
        tokens = np.empty(self.context + 1, dtype=np.int64)
        segments = np.empty(self.context + 1, dtype=np.int64)
        epoch, start = divmod(number * self.context, self.shard.tokens)
        filled = segment = 0
        while filled <= self.context:
            documents, ends = self.order(epoch)
            place = int(np.searchsorted(ends, start, side="right"))
            if place == len(documents):
                epoch, start = epoch + 1, 0
                continue
            document = self.shard.document(int(documents[place]))
            piece = document[len(document) - (int(ends[place]) - start) :][: self.context + 1 - filled]
            tokens[filled : filled + len(piece)] = piece
            segments[filled : filled + len(piece)] = segment
            filled, start, segment = filled + len(piece), start + len(piece), segment + 1
        return tokens, segments


def positions(segments: np.ndarray) -> np.ndarray:
    """Positions that restart at each document: int64, shaped like ``segments`` [rows, length]."""
    index = np.arange(segments.shape[1])
    starts = np.concatenate((np.ones((len(segments), 1), dtype=bool), segments[:, 1:] != segments[:, :-1]), axis=1)
    return index - np.maximum.accumulate(np.where(starts, index, 0), axis=1)
