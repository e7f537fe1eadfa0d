"""Split rows into documents, and lay sequences of any length out in rows: shared by span and denoising."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows

ROW_MULTIPLE = 16  # rows are padded to a multiple, so that compiled code sees few shapes


@dataclass(frozen=True)
class DocumentTexts:
    """The documents of a batch, concatenated without begin and end tokens.

    ``tokens`` int64 [tokens]; ``noise`` float64 [kinds, tokens] in [0, 1); ``sizes``, ``rows`` and ``segments`` int64
    [documents]: number of tokens, row, and number within the row. A document may be empty.
    """

    tokens: np.ndarray
    noise: np.ndarray
    sizes: np.ndarray
    rows: np.ndarray
    segments: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """int64 [tokens]: the document of each token."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def fitted(self, table: np.ndarray) -> DocumentTexts:
        """Truncate rows at the end so that their lengths are at most ``table[-1]``.

        ``table[n]``, non-decreasing, is the length that a text of n tokens takes in the row.
        """
        room = table[-1] - before(table[self.sizes], np.bincount(self.rows))
        sizes = np.minimum(self.sizes, table.searchsorted(room, side="right") - 1)
        fits, inside = sizes >= 0, within(self.sizes) < np.repeat(sizes, self.sizes)
        cut = replace(self, tokens=self.tokens[inside], noise=self.noise[:, inside])
        return replace(cut, sizes=sizes[fits], rows=self.rows[fits], segments=self.segments[fits])


def noise(seed: int, number: int, shape: tuple[int, int], kinds: int) -> np.ndarray:
    """float64 [kinds, rows, length] in [0, 1) for rows from ``number`` on, each from its number and the seed."""
    rows, length = shape
    return np.stack([np.random.default_rng([seed, number + row]).random((kinds, length)) for row in range(rows)], 1)


def documents(rows: Rows, drawn: np.ndarray, begin: int, end: int) -> DocumentTexts:
    """The documents of rows [rows, raw + 1] with noise [kinds, rows, raw]; a row's last token belongs to the next."""
    tokens, segments = rows.tokens[:, :-1], rows.segments[:, :-1]
    edge = np.ones((len(tokens), 1), dtype=bool)
    other = segments[:, 1:] != segments[:, :-1]
    filled = segments != PADDING
    opens, closes = np.hstack((edge, other)) & filled, np.hstack((other, edge)) & filled
    inside = filled & ~(opens & (tokens == begin)) & ~(closes & (tokens == end))
    owners = opens.ravel().cumsum()[inside.ravel()] - 1
    where, at = np.nonzero(opens)
    sizes = np.bincount(owners, minlength=len(where))
    return DocumentTexts(tokens[inside], drawn[:, inside], sizes, where, segments[where, at])


def within(sizes: np.ndarray) -> np.ndarray:
    """int64 [sum of sizes]: 0, 1, 2, ... within each group."""
    places: np.ndarray = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places


def before(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """int64, like ``values``: exclusive cumulative sums within each group."""
    sums: np.ndarray = np.cumsum(values) - values
    firsts = (np.cumsum(sizes) - sizes)[sizes > 0]
    sums -= np.repeat(sums[firsts], sizes[sizes > 0])
    return sums


def pick(sizes: np.ndarray, number: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """bool [sum of sizes]: the ``number`` items of each group with the lowest ``drawn`` in [0, 1)."""
    order = np.argsort(np.repeat(np.arange(len(sizes)), sizes) + drawn, kind="stable")
    picked = np.empty(len(order), dtype=bool)
    picked[order] = within(sizes) < np.repeat(number, sizes)
    return picked


def seq2seq(
    texts: DocumentTexts, inputs: tuple[np.ndarray, np.ndarray], targets: tuple[np.ndarray, np.ndarray],
    *, start: int, pad: int, count: int, most: int,
) -> Batch:  # fmt: skip
    """A Batch of ``count`` rows from (concatenated tokens, number of tokens per document) for inputs and targets.

    The decoder's input is each target shifted right by one, starting with ``start``. Rows are padded to the longest,
    rounded up to ``ROW_MULTIPLE`` but not above ``most``.
    """
    labels, sizes = targets
    shifted = np.concatenate(([start], labels[:-1]))
    shifted[(np.cumsum(sizes) - sizes)[sizes > 0]] = start

    def placed(values: np.ndarray, sizes: np.ndarray, fill: int) -> torch.Tensor:
        lengths = np.bincount(texts.rows, weights=sizes, minlength=count).astype(np.int64)
        laid = np.full((count, min(-(-int(lengths.max()) // ROW_MULTIPLE) * ROW_MULTIPLE, most)), fill)
        laid[np.repeat(texts.rows, sizes), within(lengths)] = values
        return torch.from_numpy(laid)

    def numbered(sizes: np.ndarray) -> torch.Tensor:
        return placed(np.repeat(texts.segments, sizes), sizes, PADDING)

    return Batch(
        inputs={"input_ids": placed(*inputs, pad), "decoder_input_ids": placed(shifted, sizes, pad)},
        labels=placed(labels, sizes, IGNORED),
        valid=len(labels),
        segments={"input_ids": numbered(inputs[1]), "decoder_input_ids": numbered(sizes)},
    )
