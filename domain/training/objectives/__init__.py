"""Objectives: each turns rows into model inputs, labels and a count of valid tokens; the loop is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from domain.tokens.packing import Rows

IGNORED = -100  # label of a position that is not learned from


@dataclass(frozen=True)
class Batch:
    """What the loop feeds a model.

    ``inputs`` are the model's keyword arguments, each with rows first; ``labels`` int64, aligned with
    the model's logits (not shifted), ``IGNORED`` where nothing is learned; ``valid`` counts the rest.
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    valid: int

    def part(self, start: int, stop: int, device: torch.device) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Inputs and labels of rows ``start`` to ``stop`` on ``device``."""
        inputs = {name: tensor[start:stop].to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        return inputs, self.labels[start:stop].to(device, non_blocking=True)


class Objective(Protocol):
    """A way to learn from rows. ``index`` is the batch's number, from which any noise must be drawn."""

    def __call__(self, rows: Rows, index: int) -> Batch:
        """Rows [rows, context + 1] -> Batch."""
        ...


def choose(name: str) -> Objective:
    """The objective of that name."""
    from domain.training.objectives import causal

    return {"causal": causal.causal}[name]
