"""DocumentTexts out of rows, and sequences of any length back into rows: what objectives with a decoder share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows

ROW_MULTIPLE = 16  # rows are padded to a multiple, so that compiled code meets few shapes


@dataclass(frozen=True)
class DocumentTexts:
    """The texts of a batch's documents one after the other, without the tokens that begin and end them.

    ``tokens`` int64 [tokens]; ``noise`` float64 [kinds, tokens] in [0, 1), drawn for these tokens; ``sizes``, ``rows``
    and ``segments`` int64 [documents]: tokens of each, the row it stands in, and its number there. One may be empty.
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
        """Longer rows cut at the end: a text of n tokens comes to ``table[n]``, and a row to ``table[-1]`` at most.

        ``table`` never falls.
        """
        room = table[-1] - before(table[self.sizes], np.bincount(self.rows))
        sizes = np.minimum(self.sizes, table.searchsorted(room, side="right") - 1)
        fits, inside = sizes >= 0, within(self.sizes) < np.repeat(sizes, self.sizes)
        cut = replace(self, tokens=self.tokens[inside], noise=self.noise[:, inside])
        return replace(cut, sizes=sizes[fits], rows=self.rows[fits], segments=self.segments[fits])


def noise(seed: int, number: int, shape: tuple[int, int], kinds: int) -> np.ndarray:
    """float64 [kinds, rows, length] in [0, 1) for rows ``number`` and following: each row's from the two alone."""
    rows, length = shape
    return np.stack([np.random.default_rng([seed, number + row]).random((kinds, length)) for row in range(rows)], 1)


def documents(rows: Rows, drawn: np.ndarray, begin: int, end: int) -> DocumentTexts:
    """The documents of rows [rows, raw + 1], with noise [kinds, rows, raw]. The last token is the next row's."""
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
    """int64 [sum of sizes]: 0, 1, 2, ... for each group of things."""
    places: np.ndarray = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places


def before(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """int64, like ``values``: the sum of those that stand before each in its group."""
    sums: np.ndarray = np.cumsum(values) - values
    firsts = (np.cumsum(sizes) - sizes)[sizes > 0]
    sums -= np.repeat(sums[firsts], sizes[sizes > 0])
    return sums


def pick(sizes: np.ndarray, number: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """bool [sum of sizes]: ``number`` things of each group, those that drew the lowest of numbers in [0, 1)."""
    order = np.argsort(np.repeat(np.arange(len(sizes)), sizes) + drawn, kind="stable")
    picked = np.empty(len(order), dtype=bool)
    picked[order] = within(sizes) < np.repeat(number, sizes)
    return picked


def seq2seq(
    texts: DocumentTexts, inputs: tuple[np.ndarray, np.ndarray], targets: tuple[np.ndarray, np.ndarray],
    *, start: int, pad: int, count: int, most: int,
) -> Batch:  # fmt: skip
    """A Batch of ``count`` rows from (tokens of all documents one after the other, tokens of each) for both sides.

    The decoder is given each document's target shifted by one, behind ``start``. Rows are padded to the longest of
    them, rounded up to ``ROW_MULTIPLE`` but not above ``most``.
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
