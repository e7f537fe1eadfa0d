"""Document masking: the fastest attention implementation that provably keeps documents of a row apart."""

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

    ``model`` is on ``device``, neither sharded nor compiled yet; ``half`` says whether it will run under bf16 autocast
    there. Its attention is set to the first of ``kernels`` that keeps documents apart. ``packed`` says whether one
    does; else a row must hold one document, and a row of several raises ``ValueError``.
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
        """Inputs, masks and positions of ``part``."""
        return self.masks(part)
