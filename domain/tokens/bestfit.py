"""Best-fit packing: whole documents fill rows, and only documents longer than a row are split."""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import lru_cache

import numpy as np

from domain.tokens.packing import PADDING, SourceDocuments


def best_fit(counts: np.ndarray, room: int) -> tuple[np.ndarray, int]:
    """Best-fit-decreasing over lengths alone (arXiv 2404.10830): the row of each piece, longest first; how many rows.

    ``counts[n]`` pieces have length n, for n up to ``room``. Each goes into the fullest row that still takes it, else
    into a new one. Rows with the same room left are alike and are filled together: see ``tests/benchmarks/tokens``.
    """
    free: dict[int, list[np.ndarray]] = {}  # room left -> rows, in batches
    levels: list[int] = []  # the keys of free, ascending
    placed: list[np.ndarray] = []
    rows = 0

    def keep(left: int, some: np.ndarray) -> None:
        if left and len(some):
            if left not in free:
                insort(levels, left)
            free.setdefault(left, []).append(some)

    for length in np.flatnonzero(counts)[::-1].tolist():
        waiting = int(counts[length])
        while waiting:
            at = bisect_left(levels, length)
            if at < len(levels):
                left = levels[at]
                some = free[left].pop()
                if not free[left]:
                    del free[left], levels[at]
            else:
                left, fresh = room, -(-waiting // (room // length))
                some, rows = np.arange(rows, rows + fresh), rows + fresh
            # The row that took a piece is then the fullest that takes the next, until it takes no more.
            each = left // length
            full, rest = divmod(waiting, each)
            if full >= len(some):
                placed.append(np.repeat(some, each))
                keep(left - each * length, some)
                waiting -= each * len(some)
            else:
                placed.append(np.repeat(some[: full + 1], each)[:waiting])
                keep(left - each * length, some[:full])
                if rest:
                    keep(left - rest * length, some[full : full + 1])
                keep(left, some[full + bool(rest) :])
                waiting = 0
    return (np.concatenate(placed) if placed else np.empty(0, dtype=np.int64)), rows


class BestFit:
    """The documents of a source, fitted into rows of ``context + 1`` tokens; an epoch reads every token once.

    A longer document is cut into pieces that share one token with their neighbour, so that each of its tokens but
    the first is predicted once. Which lengths share a row is the same in every epoch; which of the pieces of one
    length, and the order of the rows, depend on (seed, source, epoch) alone.
    """

    def __init__(self, source: SourceDocuments, *, context: int, seed: int) -> None:
        self.source, self.context, self.seed = source, context, seed
        lengths = source.lengths
        self.pieces = np.maximum(-(-(lengths - 1) // context), 1)  # of each document
        self.first = np.concatenate(([0], np.cumsum(self.pieces)))  # piece of each document
        sizes = np.full(self.first[-1], context + 1)
        sizes[self.first[1:] - 1] = lengths - (self.pieces - 1) * context
        self.sizes = sizes.astype(np.min_scalar_type(context + 1))
        fitted, self.epoch_rows = best_fit(np.bincount(self.sizes, minlength=context + 2), context + 1)
        self.slots = np.argsort(fitted, kind="stable")  # the pieces by row, a piece named by its rank in length
        self.begins = np.concatenate(([0], np.cumsum(np.bincount(fitted, minlength=self.epoch_rows))))
        self.truncated = float(np.mean(self.pieces > 1))
        self.padding = 1.0 - float(sizes.sum()) / (self.epoch_rows * (context + 1))
        self.order = lru_cache(maxsize=1)(self._order)

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The pieces by descending length, equal ones shuffled, and the order of the rows."""
        shuffled = self.source.order(self.seed, 2 * epoch, len(self.sizes))
        ranked = shuffled[np.argsort(~self.sizes[shuffled], kind="stable")]  # ~ turns the order of unsigned numbers
        return ranked, self.source.order(self.seed, 2 * epoch + 1, self.epoch_rows)

    def rows(self, epochs: float) -> int:
        """Whole rows in so many passes over the source."""
        return int(epochs * self.epoch_rows)

    def epochs(self, rows: int) -> float:
        """Passes over the source that so many rows make."""
        return rows / self.epoch_rows

    def write(self, number: int, tokens: np.ndarray, segments: np.ndarray) -> None:
        """Fill tokens and segments (int64 [context + 1]) of row ``number``."""
        epoch, place = divmod(number, self.epoch_rows)
        ranked, rows = self.order(epoch)
        row = int(rows[place])
        filled = 0
        for segment, slot in enumerate(self.slots[self.begins[row] : self.begins[row + 1]].tolist()):
            piece, end = int(ranked[slot]), filled + int(self.sizes[ranked[slot]])
            document = int(self.first.searchsorted(piece, side="right")) - 1
            start = (piece - int(self.first[document])) * self.context
            tokens[filled:end] = self.source.document(document)[start : start + end - filled]
            segments[filled:end] = segment
            filled = end
        tokens[filled:], segments[filled:] = 0, PADDING
