"""Instruct: predict the answer to an instruction, and no token of the instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from domain.settings.objectives import Family
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING
from domain.training.objectives.documents import ROW_MULTIPLE

if TYPE_CHECKING:
    from domain.training.instruction.batches import Gathered

Parts = Sequence[Sequence[np.ndarray]]  # of each row


class InstructObjective:
    """A decoder reads instruction and answer as one text and predicts only the answer (as Tülu, arXiv 2306.04751).
    An encoder-decoder encodes the instruction and decodes the answer, starting from ``start``.

    There is no noise. Rows are padded to the longest row of the whole batch, rounded up to ``ROW_MULTIPLE`` but not
    above ``most``: all processes need the same length, because they must make the same number of forward passes.
    """

    def __init__(self, family: Family, *, most: int, pad: int, start: int = 0) -> None:
        self.family, self.most, self.pad, self.start = family, most, pad, start

    def raw(self, context: int) -> int:
        """``context``: inputs are as long as the text."""
        return context

    def __call__(self, gathered: Gathered, number: int) -> Batch:
        """The batch of this process."""
        if self.family == "encoder_decoder":
            return self.two_sided(gathered)
        tokens = self.laid(gathered, [[e.tokens for e in row] for row in gathered.rows], self.pad, ahead=1)
        wanted = [[np.where(e.learned, e.tokens, IGNORED) for e in row] for row in gathered.rows]
        labels = self.laid(gathered, wanted, IGNORED, ahead=1)[:, 1:].contiguous()
        segments = self.laid(gathered, numbered(wanted), PADDING, ahead=1)
        return Batch(
            inputs={"input_ids": tokens[:, :-1].contiguous()},
            labels=labels,
            valid=int((labels != IGNORED).sum()),
            segments={"input_ids": segments[:, :-1].contiguous()},
        )

    def two_sided(self, gathered: Gathered) -> Batch:
        """Instruction and answer apart; the decoder's input is each answer shifted right by one."""
        orders = [[e.tokens[~e.learned] for e in row] for row in gathered.rows]
        answers = [[e.tokens[e.learned] for e in row] for row in gathered.rows]
        shifted: Parts = [[np.concatenate(([self.start], answer[:-1])) for answer in row] for row in answers]
        labels = self.laid(gathered, answers, IGNORED)
        sides = {"input_ids": orders, "decoder_input_ids": shifted}
        return Batch(
            inputs={name: self.laid(gathered, rows, self.pad) for name, rows in sides.items()},
            labels=labels,
            valid=int((labels != IGNORED).sum()),
            segments={name: self.laid(gathered, numbered(rows), PADDING) for name, rows in sides.items()},
        )

    def laid(self, gathered: Gathered, rows: Parts, fill: int, *, ahead: int = 0) -> torch.Tensor:
        """int64 [own rows, length]: the parts of each row, then ``fill``.

        ``ahead`` is the number of tokens at the end that are only labels.
        """
        longest = max(sum(map(len, row)) for row in rows) - ahead
        length = min(-(-longest // ROW_MULTIPLE) * ROW_MULTIPLE, self.most) + ahead
        out = np.full((len(rows[gathered.own]), length), fill, dtype=np.int64)
        for place, row in enumerate(rows[gathered.own]):
            joined = np.concatenate(row)
            out[place, : len(joined)] = joined
        return torch.from_numpy(out)


def numbered(rows: Parts) -> list[list[np.ndarray]]:
    """For each token, the number of its example within the row."""
    return [[np.full(len(part), number) for number, part in enumerate(row)] for row in rows]
