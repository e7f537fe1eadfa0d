"""Span corruption: predict the spans that sentinels replace, as T5 does (arXiv 1910.10683, section 3.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from domain.settings.objectives import Span
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import Batch
from domain.tokens.packing import Rows
from domain.training.objectives.documents import before, documents, noise, pick, seq2seq, within

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class SpanObjective:
    """Replaces spans, a share of each document's tokens, by sentinels.

    The input is the rest of the document and the end token, even if the document continues in the next row; there is no
    begin token, since T5's tokenizer has none. The target is each sentinel followed by its span, and a final sentinel.
    T5's code (``t5/data/preprocessors.py``) ends targets with the end token instead; the lengths are the same, 512 and
    114 tokens from 568. A text of less than two tokens stays whole, and its target is one sentinel. If a document would
    need more spans than there are sentinels, spans get longer.

    Rounding removes less of short documents than of long ones; if a row then does not fit, its end is dropped.
    """

    def __init__(self, spec: Span, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.spec, self.seed, self.special = spec, seed, SpecialTokens(tokenizer)
        self.sentinels = self.special.sentinels  # raises UserError if there are none

    def raw(self, context: int) -> int:
        """The longest text whose input and target have at most ``context`` tokens."""
        sizes = self.longer(np.arange(int(context / (1.0 - self.spec.share)) + 2))
        return int(sizes.searchsorted(context, side="right")) - 1

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, raw + 1] -> inputs of at most ``context`` tokens, and targets."""
        count, raw = rows.tokens.shape[0], rows.tokens.shape[1] - 1
        drawn = noise(self.seed, number, (count, raw), 1)
        table = self.longer(np.arange(raw + 1))
        texts = documents(rows, drawn, self.special.begin, self.special.end).fitted(table)
        ends = np.cumsum(texts.sizes)
        framed = np.insert(texts.tokens, ends, self.special.end)
        hidden = np.insert(spans(texts.sizes, *self.counts(texts.sizes), texts.noise[0]), ends, False)
        return seq2seq(
            texts,
            self.replaced(framed, hidden, texts.sizes + 1),
            self.replaced(framed, ~hidden, texts.sizes + 1),
            start=self.special.pad,
            pad=self.special.pad,
            count=count,
            most=int(table[-1]),
        )

    def counts(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(Tokens removed, number of spans) for texts of ``sizes`` tokens, int64; T5's ``random_spans_noise_mask``."""
        left_out = np.clip(np.rint(sizes * self.spec.share).astype(np.int64), 1, sizes - 1)
        most = np.minimum(np.minimum(left_out, sizes - left_out), len(self.sentinels) - 1)
        count = np.clip(np.rint(left_out / self.spec.length).astype(np.int64), 1, most)
        return np.where(sizes > 1, left_out, 0), np.where(sizes > 1, count, 0)

    def longer(self, sizes: np.ndarray) -> np.ndarray:
        """int64: the longer of input and target, in tokens; non-decreasing in ``sizes``."""
        left_out, count = self.counts(sizes)
        longer: np.ndarray = np.maximum(sizes - left_out, left_out) + count + 1
        return longer

    def replaced(self, tokens: np.ndarray, hidden: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Replace each run of hidden tokens of a document by a sentinel; also returns the resulting sizes."""
        opens = hidden & ~np.concatenate(([False], hidden[:-1]))
        first = np.cumsum(sizes) - sizes
        opens[first] = hidden[first]
        turns = np.where(opens, before(opens, sizes), 0)
        visible = opens | ~hidden
        values = np.where(opens, self.sentinels[turns], tokens)[visible]
        return values, np.add.reduceat(visible, first, dtype=np.int64)


def spans(sizes: np.ndarray, left_out: np.ndarray, count: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """bool [sum of sizes]: the tokens of each text to remove; as many removed spans as spans that stay, alternating.

    Both kinds are split uniformly at random; a text begins with a span that stays and ends with a removed one.
    """
    some = count > 0
    groups = np.column_stack((sizes - left_out, left_out))[some].ravel()
    busy = np.repeat(some, sizes)
    parts = np.repeat(count[some], 2)
    # The first token of a group always starts a span.
    opens = pick(groups, parts, np.where(within(groups) == 0, 0.0, drawn[busy]))
    lengths = np.diff(np.append(np.flatnonzero(opens), len(opens)))
    of_hidden = np.repeat(np.arange(len(groups)) % 2 == 1, parts)
    taking_turns = np.column_stack((lengths[~of_hidden], lengths[of_hidden])).ravel()
    hidden = np.zeros(len(busy), dtype=bool)
    hidden[busy] = np.repeat(np.arange(len(taking_turns)) % 2 == 1, taking_turns)
    return hidden
