"""What a batch takes of its model, in FLOPs, and what the devices could do meanwhile: their ratio is the MFU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from domain.cost.device import Device
from domain.cost.flops import forward
from domain.cost.shape import NOT_COUNTED, Shape, stated
from domain.cost.token_flow import Passes
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FORMULA = "6 N + 12 layers width length, recomputation and padding not counted (arXiv 2204.02311, appendix B)"


class BatchFlops:
    """``batch_flops(batch)``: FLOPs, forward and backward, that ``model`` needs for this rank's part of a batch.

    By the convention of PaLM (arXiv 2204.02311, appendix B): 6 a parameter for each token that passes it, and for
    attention 12 x layers x width x length, the full square of a row's tokens, whatever a mask hides. The head counts
    for tokens that are learned from, as only these meet it; a looked-up row costs nothing; of frozen matrices (LoRA)
    no gradients are computed, 4 in the place of 6. Positions that fill a row up do not count, nor does what is
    computed again: it is the model's utilisation (MFU), not the hardware's.

    ``peak`` are the dense bf16 FLOP/s of one such device by its maker, None where none is published for what it
    does: of a CPU, and of fp32. Make it before the model is spread over ranks.
    """

    def __init__(self, model: PreTrainedModel, device: torch.device, *, half: bool) -> None:
        self.shape = shape_of(model)
        self.lora = any("lora_" in name for name, _ in model.named_parameters())
        self.head = bool(model.get_output_embeddings().weight.requires_grad)
        self.name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
        self.peak = Device(gpu=True, name=self.name, memory=None, bf16=True).peak if self.name and half else None

    def __call__(self, batch: Batch) -> int:
        """The batch lies on the host; 32 rows of 4,096 tokens take 0.2 ms."""
        filled = {name: (segments != PADDING).sum(1).tolist() for name, segments in batch.segments.items()}
        predicted = (batch.labels != IGNORED).sum(1).tolist()
        inputs, none = filled["input_ids"], [0] * len(predicted)
        sides = {
            "decoder": (none, inputs), "encoder": (inputs, none),
            "encoder_decoder": (inputs, filled.get("decoder_input_ids", none)),
        }[self.shape.family]  # fmt: skip
        return round(sum(self.row(*each) for each in zip(*sides, predicted, strict=True)))

    def row(self, read: int, written: int, predicted: int) -> float:
        """Of a row of which so many tokens come to an encoder, to a decoder, and to the head."""
        there = forward(self.shape, Passes(1, read, written, predicted))
        spared = (there.layers if self.lora else 0.0) + (0.0 if self.head else there.head)
        return 3.0 * (there.layers + there.attention + there.head) - spared


def shape_of(model: PreTrainedModel) -> Shape:
    """The numbers of a model that is loaded."""
    named = ((name, tuple(each.shape)) for name, each in model.named_parameters())
    shapes = {name: shape for name, shape in named if "lora_" not in name and not NOT_COUNTED.search(name)}
    return stated(model.config.get_text_config().to_dict(), shapes)
