"""Instruct: predict the answer to an order, and nothing of the order itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from domain.settings.objectives import Family
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING
from domain.training.objectives.documents import STEP

if TYPE_CHECKING:
    from domain.training.instruction.batches import Gathered

Parts = Sequence[Sequence[np.ndarray]]  # of each row


class InstructObjective:
    """A decoder reads order and answer as one text, of which the answer alone is predicted (as Tülu is trained, arXiv
    2306.04751). An encoder-decoder reads the order with the encoder and writes the answer with the decoder, which
    begins from ``start``.

    Nothing is drawn. Rows are filled up to the longest of the whole batch, in steps of ``STEP`` and not above ``most``:
    the length must be the same in all processes, since they go as often through the model.
    """

    def __init__(self, family: Family, *, most: int, pad: int, start: int = 0) -> None:
        self.family, self.most, self.pad, self.start = family, most, pad, start

    def raw(self, context: int) -> int:
        """As many tokens as the model is given."""
        return context

    def __call__(self, given: Gathered, number: int) -> Batch:
        """Rows of examples -> what this process learns from."""
        if self.family == "encoder_decoder":
            return self.two_sided(given)
        tokens = self.laid(given, [[e.tokens for e in row] for row in given.rows], self.pad, ahead=1)
        wanted = [[np.where(e.learned, e.tokens, IGNORED) for e in row] for row in given.rows]
        labels = self.laid(given, wanted, IGNORED, ahead=1)[:, 1:].contiguous()
        segments = self.laid(given, numbered(wanted), PADDING, ahead=1)
        return Batch(
            inputs={"input_ids": tokens[:, :-1].contiguous()},
            labels=labels,
            valid=int((labels != IGNORED).sum()),
            segments={"input_ids": segments[:, :-1].contiguous()},
        )

    def two_sided(self, given: Gathered) -> Batch:
        """Order and answer apart; the decoder is given each answer shifted by one."""
        orders = [[e.tokens[~e.learned] for e in row] for row in given.rows]
        answers = [[e.tokens[e.learned] for e in row] for row in given.rows]
        shifted: Parts = [[np.concatenate(([self.start], answer[:-1])) for answer in row] for row in answers]
        labels = self.laid(given, answers, IGNORED)
        sides = {"input_ids": orders, "decoder_input_ids": shifted}
        return Batch(
            inputs={name: self.laid(given, rows, self.pad) for name, rows in sides.items()},
            labels=labels,
            valid=int((labels != IGNORED).sum()),
            segments={name: self.laid(given, numbered(rows), PADDING) for name, rows in sides.items()},
        )

    def laid(self, given: Gathered, rows: Parts, fill: int, *, ahead: int = 0) -> torch.Tensor:
        """int64 [own rows, length]: each row's parts one after the other, then ``fill``.

        ``ahead`` tokens of a row are beyond what the model is given: its last one is only predicted.
        """
        longest = max(sum(map(len, row)) for row in rows) - ahead
        length = min(-(-longest // STEP) * STEP, self.most) + ahead
        out = np.full((len(rows[given.own]), length), fill, dtype=np.int64)
        for place, row in enumerate(rows[given.own]):
            joined = np.concatenate(row)
            out[place, : len(joined)] = joined
        return torch.from_numpy(out)


def numbered(rows: Parts) -> list[list[np.ndarray]]:
    """For each token the number of its example in the row."""
    return [[np.full(len(part), number) for number, part in enumerate(row)] for row in rows]
