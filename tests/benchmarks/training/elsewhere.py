"""A training that is asked for its steps, in a process of its own."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tests.benchmarks.training.paced import Paced


class Elsewhere:
    """``make(*given)`` as a ``Paced``, there. It sleeps until it is called.

    In one process each training would have OpenMP threads of its own; with more of them than cores they no longer spin
    between two operations, but sleep and are woken. That made steps on two cores a third longer, and matrix products
    hardly any.
    """

    def __init__(self, make: Callable[..., Paced], *given: Any) -> None:
        self.name = make.__name__
        self.here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=work, args=(there, make, given), daemon=True)
        process.start()
        there.close()

    def ask(self, goes_on: bool) -> Any:
        """Its answer."""
        try:
            self.here.send(goes_on)
            return self.here.recv()
        except (EOFError, OSError):
            sys.exit(f"{self.name} failed; its error stands above")

    def __call__(self) -> None:
        """Go on."""
        self.ask(True)

    def leave(self) -> list[float]:
        """End there; the losses of all steps."""
        losses: list[float] = self.ask(False)
        return losses


def work(there: Connection, make: Callable[..., Paced], given: tuple[Any, ...]) -> None:
    """In the process."""
    paced = make(*given)
    while there.recv():
        paced()
        there.send(None)
    there.send(paced.leave())
