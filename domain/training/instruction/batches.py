"""Examples as batches: some held out, the others fitted whole into rows; batch i is a function of the seed and i."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from domain.errors import UserError
from domain.settings.objectives import Family
from domain.tokens.batches import PACKINGS
from domain.tokens.packing import PADDING, Source
from domain.training.instruction.chat import Chat, ChatExample
from domain.training.instruction.examples_file import Conversation

Seating = Literal["best_fit", "separate"]


@dataclass(frozen=True)
class Gathered:
    """The rows of a whole batch, as examples; this process learns from those in ``own``."""

    rows: Sequence[Sequence[ChatExample]]
    own: slice


def gather(orders: Iterable[Conversation], chat: Chat, context: int) -> tuple[list[ChatExample], list[ChatExample]]:
    """The examples that fit into ``context`` tokens, and those that are longer: nothing is cut out of an answer.

    Raises ``UserError`` where none fits.
    """
    fits: list[ChatExample] = []
    longer: list[ChatExample] = []
    for order in orders:
        for example in chat.examples(order):
            (fits if seats(example, chat.family) <= room(context, chat.family) else longer).append(example)
    if not fits:
        least = min(longer, key=lambda example: seats(example, chat.family))
        problem = f"has {seats(least, chat.family):,} tokens, and no example is shorter; {context:,} are read at once"
        raise UserError(
            least.place, problem, "raise instruction_tuning.context as far as the model goes, or write shorter orders"
        )
    return fits, longer


def seats(example: ChatExample, family: Family) -> int:
    """Tokens of a row that an example takes; of an encoder-decoder's two rows the longer one counts."""
    answer = int(example.learned.sum())
    return max(answer, len(example.tokens) - answer) if family == "encoder_decoder" else len(example.tokens)


def room(context: int, family: Family) -> int:
    """Tokens that a row holds; a decoder is not given its last one, which is only predicted."""
    return context + (family == "decoder")


def hold_out(examples: Sequence[ChatExample], share: float, seed: int) -> tuple[list[ChatExample], list[ChatExample]]:
    """(Learned from, held out): a share of the questions, drawn by seed and question alone, with all their examples."""
    questions = {example.question_id for example in examples}
    drawn = sorted(questions, key=lambda question: hashlib.sha256(f"{seed} {question}".encode()).digest())
    places = {
        question: number for number, question in enumerate(drawn[: min(round(share * len(drawn)), len(drawn) - 1)])
    }
    apart = sorted((e for e in examples if e.question_id in places), key=lambda e: places[e.question_id])
    return [e for e in examples if e.question_id not in places], apart


class InstructionBatches:
    """Batches of ``rows`` rows of examples, for the loop in place of ``Batches``; ``epochs`` passes over all of them.

    Which lengths share a row is the same in every pass. Which of the examples of one length, and the order of the
    rows, are shuffled anew, by (seed, pass) alone. Where there are fewer rows than a batch has, it has as many as
    there are; the last batch is filled up from the pass that would come next.
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
        packing: Seating = "best_fit",
    ) -> None:
        self.examples, self.context = examples, context
        self.sizes = np.array([seats(example, family) for example in examples])
        source = Source(self, "tuning", "orders", np.arange(len(examples)), self.sizes)
        self.width = room(context, family)
        self.packed = PACKINGS[packing](source, context=self.width - 1, seed=seed)
        self.pass_rows = self.packed.rows(1)
        self.rows = min(rows, self.pass_rows)
        self.batches = -(-epochs * self.pass_rows // self.rows)

    def document(self, index: int) -> np.ndarray:
        """What stands in a row for example ``index``: its number, as often as it has tokens."""
        return np.full(self.sizes[index], index)

    def __len__(self) -> int:
        """Batches."""
        return self.batches

    def part(self, index: int, rank: int, ranks: int) -> Gathered:
        """What process ``rank`` of ``ranks`` learns from of batch ``index``: a block of its rows, equal to within one.

        The others' rows come with it: how long rows are filled up to must be the same in all processes.
        """
        if not (0 <= index < self.batches and 0 <= rank < ranks):
            raise IndexError(f"batch {index} of {self.batches}, rank {rank} of {ranks}")
        if ranks > self.rows:
            problem = f"{self.rows} rows of examples are learned at once by {ranks} processes"
            raise UserError("instruction_tuning.batch", problem, "raise it, give more examples, or use fewer processes")
        first, last = (self.rows * each // ranks for each in (rank, rank + 1))
        return Gathered(self.read(range(index * self.rows, (index + 1) * self.rows)), slice(first, last))

    def read(self, rows: range) -> list[list[ChatExample]]:
        """The examples of each of these rows."""
        numbers, segments = np.empty((2, self.width), dtype=np.int64)
        examples = []
        for row in rows:
            self.packed.write(row, numbers, segments)
            opens = np.flatnonzero(np.diff(segments, prepend=PADDING) > 0)
            examples.append([self.examples[number] for number in numbers[opens].tolist()])
        return examples

    def names(self, index: int) -> list[str]:
        """``file:line`` of every example of batch ``index``, in order."""
        rows = self.read(range(index * self.rows, (index + 1) * self.rows))
        return list(dict.fromkeys(example.place for row in rows for example in row))

    @property
    def epochs(self) -> float:
        """Passes over the examples that the batches make."""
        return self.packed.epochs(self.batches * self.rows)

    @property
    def padding(self) -> float:
        """Share of the positions that hold no token."""
        return self.packed.padding
