"""What a training reads and how it is watched: batches, the objective that turns them into inputs, held-out text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from domain.machine import Machine
from domain.model.attention import Attention
from domain.tokens.batch import Batch
from domain.training.ranks import Ranks

if TYPE_CHECKING:
    from domain.training.validation import Validator

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class BatchSource(Protocol[R_co]):
    """Batches by number: ``len`` of them, each of ``rows`` rows of ``context`` tokens."""

    rows: int
    context: int

    def __len__(self) -> int: ...

    def part(self, index: int, rank: int, ranks: int) -> R_co:
        """The rows of batch ``index`` that process ``rank`` of ``ranks`` learns from."""
        ...

    def names(self, index: int) -> list[str]:
        """The documents or examples of a batch, for messages."""
        ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Steps between two validations (0: none), and by how much general text may get worse before a warning or a stop.

    Shares of bits per byte: 0.05 is 5% more than before the first step.
    """

    every: int = 0
    alarm: float | None = None
    stop: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingTask(Generic[R]):
    """``objective(rows, number)`` turns rows into a ``Batch``; ``number`` is that of the first row in the training."""

    batches: BatchSource[R]
    objective: Callable[[R, int], Batch]
    validator: Validator | None = None
    limits: Limits = Limits()
    z_loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingPlace:
    """Where a training runs: its processes, the machine profile, and the model's attention on this device."""

    ranks: Ranks
    machine: Machine
    attention: Attention
