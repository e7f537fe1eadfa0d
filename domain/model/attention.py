"""Document masking: choose the fastest attention implementation that keeps the documents of a row apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from domain.model.isolation import keeps_apart
from domain.model.kernels import kernels
from domain.model.masks import Masks
from domain.tokens.batch import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Attention:
    """``attention(part)``: the arguments of ``model``'s forward pass for a part of a batch, with ``use_cache=False``.

    Sets the model's attention to the first of ``kernels`` that passes ``keeps_apart``. ``packed`` says whether one
    does; otherwise a row must hold a single document, and one with several raises ``ValueError``. ``model`` must be on
    ``device`` and not yet sharded or compiled; ``half`` says whether it will run under bf16 autocast.
    """

    def __init__(self, model: PreTrainedModel, device: torch.device, *, half: bool = False) -> None:
        for kernel in kernels(model, device, half=half):
            if kernel != model.config.get_text_config()._attn_implementation:
                model.set_attn_implementation(kernel)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half and device.type == "cuda"):
                self.packed = keeps_apart(model)
            if self.packed:
                break
        self.masks = Masks(model, packed=self.packed)

    def __call__(self, part: Batch) -> dict[str, Any]:
        """Inputs, masks and position ids of ``part``."""
        return self.masks(part)
