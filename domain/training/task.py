"""A training task: batches, the objective that turns them into inputs, and the validation."""

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
    """``len`` numbered batches, each of ``rows`` rows of ``context`` tokens."""

    rows: int
    context: int

    def __len__(self) -> int: ...

    def part(self, index: int, rank: int, ranks: int) -> R_co:
        """The rows of batch ``index`` for process ``rank`` of ``ranks``."""
        ...

    def names(self, index: int) -> list[str]:
        """Names of the documents or examples of a batch, for messages."""
        ...


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Steps between validations (0: none), and by how much general text may get worse before a warning or a stop.

    ``alarm`` and ``stop`` are relative: 0.05 is 5% more bits per byte than before the first step.
    """

    every: int = 0
    alarm: float | None = None
    stop: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingTask(Generic[R]):
    """``objective(rows, number)`` turns rows into a ``Batch``; ``number`` counts rows over the whole training."""

    batches: BatchSource[R]
    objective: Callable[[R, int], Batch]
    validator: Validator | None = None
    limits: Limits = Limits()
    z_loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingPlace:
    """The processes, machine profile and attention implementation with which a training runs."""

    ranks: Ranks
    machine: Machine
    attention: Attention
