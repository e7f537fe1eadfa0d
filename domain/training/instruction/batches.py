"""Batches of instruction examples: hold some out and pack the rest whole into rows; batch i depends on seed and i."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from domain.errors import UserError
from domain.settings.objectives import Family
from domain.tokens.batches import PACKINGS
from domain.tokens.packing import PADDING, SourceDocuments
from domain.training.instruction.chat import Chat, ChatExample
from domain.training.instruction.examples_file import Conversation

ExamplePacking = Literal["best_fit", "separate"]


@dataclass(frozen=True)
class Gathered:
    """The examples of all rows of a batch; this process trains on the rows in ``own``."""

    rows: Sequence[Sequence[ChatExample]]
    own: slice


def gather(orders: Iterable[Conversation], chat: Chat, context: int) -> tuple[list[ChatExample], list[ChatExample]]:
    """(Examples that fit into ``context`` tokens, those that are longer); examples are never truncated.

    Raises ``UserError`` if none fits.
    """
    fits: list[ChatExample] = []
    longer: list[ChatExample] = []
    for order in orders:
        for example in chat.examples(order):
            (fits if row_tokens(example, chat.family) <= row_capacity(context, chat.family) else longer).append(example)
    if not fits:
        least = min(longer, key=lambda example: row_tokens(example, chat.family))
        problem = (
            f"is the shortest example and has {row_tokens(least, chat.family):,} tokens, but a row has {context:,}"
        )
        raise UserError(
            least.place, problem, "raise instruction_tuning.context up to the model's limit, or write shorter examples"
        )
    return fits, longer


def row_tokens(example: ChatExample, family: Family) -> int:
    """Tokens of a row that an example takes; for an encoder-decoder the longer of prompt and answer."""
    answer = int(example.learned.sum())
    return max(answer, len(example.tokens) - answer) if family == "encoder_decoder" else len(example.tokens)


def row_capacity(context: int, family: Family) -> int:
    """Tokens of a row; a decoder's row has one more, which is only predicted."""
    return context + (family == "decoder")


def hold_out(examples: Sequence[ChatExample], share: float, seed: int) -> tuple[list[ChatExample], list[ChatExample]]:
    """(Training, held-out) examples: a share of the questions, drawn by seed and question, with all their examples."""
    questions = {example.question_id for example in examples}
    drawn = sorted(questions, key=lambda question: hashlib.sha256(f"{seed} {question}".encode()).digest())
    places = {
        question: number for number, question in enumerate(drawn[: min(round(share * len(drawn)), len(drawn) - 1)])
    }
    apart = sorted((e for e in examples if e.question_id in places), key=lambda e: places[e.question_id])
    return [e for e in examples if e.question_id not in places], apart


class InstructionBatches:
    """Batches of ``rows`` rows of examples, for ``epochs`` passes over all of them.

    The lengths that share a row are the same in every pass; the order of rows and of examples of equal length is
    shuffled by (seed, pass). If there are fewer rows than ``rows``, a batch has all of them. The last batch is
    completed from the next pass.
    """

    def __init__(
        self,
        examples: Sequence[ChatExample],
        family: Family,
        *,
        rows: int,
        context: int,
        epochs: int = 1,
        seed: int = 0,
        packing: ExamplePacking = "best_fit",
    ) -> None:
        self.examples, self.context = examples, context
        self.sizes = np.array([row_tokens(example, family) for example in examples])
        source = SourceDocuments(self, "tuning", "orders", np.arange(len(examples)), self.sizes)
        self.width = row_capacity(context, family)
        self.packed = PACKINGS[packing](source, context=self.width - 1, seed=seed)
        self.pass_rows = self.packed.rows(1)
        self.rows = min(rows, self.pass_rows)
        self.batches = -(-epochs * self.pass_rows // self.rows)

    def document(self, index: int) -> np.ndarray:
        """The document that stands for example ``index`` in a row: its number, once per token."""
        return np.full(self.sizes[index], index)

    def __len__(self) -> int:
        """Number of batches."""
        return self.batches

    def part(self, index: int, rank: int, ranks: int) -> Gathered:
        """The rows of batch ``index`` for process ``rank`` of ``ranks``: blocks of equal size, to within one row.

        It includes the rows of other processes, since all must pad to the same length.
        """
        if not (0 <= index < self.batches and 0 <= rank < ranks):
            raise IndexError(f"batch {index} of {self.batches}, rank {rank} of {ranks}")
        if ranks > self.rows:
            problem = f"has {self.rows} rows of examples for {ranks} processes"
            raise UserError("instruction_tuning.batch", problem, "raise it, add examples, or use fewer processes")
        first, last = (self.rows * each // ranks for each in (rank, rank + 1))
        return Gathered(self.read(range(index * self.rows, (index + 1) * self.rows)), slice(first, last))

    def read(self, rows: range) -> list[list[ChatExample]]:
        """The examples of each row."""
        numbers, segments = np.empty((2, self.width), dtype=np.int64)
        examples = []
        for row in rows:
            self.packed.write(row, numbers, segments)
            opens = np.flatnonzero(np.diff(segments, prepend=PADDING) > 0)
            examples.append([self.examples[number] for number in numbers[opens].tolist()])
        return examples

    def names(self, index: int) -> list[str]:
        """``file:line`` of every example of batch ``index``."""
        rows = self.read(range(index * self.rows, (index + 1) * self.rows))
        return list(dict.fromkeys(example.place for row in rows for example in row))

    @property
    def epochs(self) -> float:
        """Passes over the examples that the batches make together."""
        return self.packed.epochs(self.batches * self.rows)

    @property
    def padding(self) -> float:
        """Share of the positions that hold no token."""
        return self.packed.padding
