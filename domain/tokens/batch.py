"""A batch in the form that a model takes: inputs, labels, and the document of each position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a recipe is opened without torch
    import torch

IGNORED = -100  # label of a position that is not learned from


@dataclass(frozen=True)
class Batch:
    """What the loop feeds a model.

    ``inputs`` are the model's keyword arguments, each with rows first; ``segments`` tell for ``input_ids`` (and for
    ``decoder_input_ids``, where there are any) which document of its row a position belongs to, -1 where it is filled
    up: attention and positions follow from them (``domain.model.attention``). ``labels`` int64, aligned with the
    model's logits (not shifted), ``IGNORED`` where nothing is learned; ``valid`` counts the rest.
    """

    inputs: Mapping[str, torch.Tensor]
    labels: torch.Tensor
    valid: int
    segments: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def part(self, start: int, stop: int, device: torch.device) -> Batch:
        """Rows ``start`` to ``stop``, inputs and labels on ``device``; ``valid`` remains that of the whole batch.

        Segments stay on the host, where masks are planned without waiting for the device.
        """

        def moved(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: tensor[start:stop].to(device, non_blocking=True) for name, tensor in tensors.items()}

        labels = self.labels[start:stop].to(device, non_blocking=True)
        segments = {name: tensor[start:stop] for name, tensor in self.segments.items()}
        return Batch(inputs=moved(self.inputs), labels=labels, valid=self.valid, segments=segments)

    def pinned(self) -> Batch:
        """In memory from which a GPU copies without the processor."""

        def pin(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: tensor.pin_memory() for name, tensor in tensors.items()}

        return Batch(inputs=pin(self.inputs), labels=self.labels, valid=self.valid, segments=self.segments)
