"""One document per row with padding, for models that cannot mask documents from each other."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from domain.tokens.packing import PADDING, SourceDocuments


class Separate:
    """A document, or a piece of one, in each row of ``context + 1`` tokens; an epoch reads every token once.

    A longer document is cut into pieces that share one token with their neighbour, as in ``BestFit``. The order of the
    rows depends on (seed, source, epoch) alone.
    """

    def __init__(self, source: SourceDocuments, *, context: int, seed: int) -> None:
        self.source, self.context, self.seed = source, context, seed
        pieces = np.maximum(-(-(source.lengths - 1) // context), 1)  # of each document
        self.first = np.concatenate(([0], np.cumsum(pieces)))  # piece of each document
        self.epoch_rows = int(self.first[-1])
        self.truncated = float(np.mean(pieces > 1))
        positions = source.tokens + self.epoch_rows - len(pieces)  # what neighbours share stands in both
        self.padding = 1.0 - positions / (self.epoch_rows * (context + 1))
        self.order = lru_cache(maxsize=1)(self._order)

    def _order(self, epoch: int) -> np.ndarray:
        return self.source.order(self.seed, epoch, self.epoch_rows)

    def rows(self, epochs: float) -> int:
        """Whole rows in so many passes over the source."""
        return int(epochs * self.epoch_rows)

    def epochs(self, rows: int) -> float:
        """Passes over the source that so many rows make."""
        return rows / self.epoch_rows

    def write(self, number: int, tokens: np.ndarray, segments: np.ndarray) -> None:
        """Fill tokens and segments (int64 [context + 1]) of row ``number``."""
        epoch, place = divmod(number, self.epoch_rows)
        piece = int(self.order(epoch)[place])
        document = int(self.first.searchsorted(piece, side="right")) - 1
        start = (piece - int(self.first[document])) * self.context
        ids = self.source.document(document)[start : start + self.context + 1]
        tokens[: len(ids)], segments[: len(ids)] = ids, 0
        tokens[len(ids) :], segments[len(ids) :] = 0, PADDING
