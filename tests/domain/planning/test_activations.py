"""The table of what is kept against what torch keeps, for every architecture, precision and stack."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from domain.cost.shape import Shape
from domain.cost.token_flow import TokenFlow
from domain.model.attention import Attention
from domain.model.fused import fuse
from domain.planning.activations import attended, layers_of, like
from domain.training.loss_head import Head
from tests.domain.model.architectures import ENCODERS, TWO_STACKS, rows, tiny

LAYERS = {
    **dict.fromkeys(("llama", "qwen3", "bert", "roberta", "modernbert"), ("num_hidden_layers",)),
    **dict.fromkeys(("gpt2", "bloom"), ("n_layer",)),
    "t5": ("num_layers", "num_decoder_layers"),
    "bart": ("encoder_layers", "decoder_layers"),
}
LENGTH = 44  # no activation is shaped as a weight


def kept(name: str, half: bool, fused: bool, layers: dict[str, int]) -> int:
    """Bytes that a forward and its loss keep for the backward pass, weights and their copies left out."""
    model = tiny(name, **layers)
    if fused:
        fuse(model)
    batch = rows(name, [[LENGTH], [LENGTH]], LENGTH)
    attention, head = Attention(model, torch.device("cpu"), half=half), Head(model)
    mine = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    shapes = {tuple(p.shape) for p in model.parameters()} | {
        tuple(p.T.shape) for p in model.parameters() if p.ndim == 2
    }
    seen: dict[int, tuple[int, torch.Tensor]] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in mine and tuple(tensor.shape) not in shapes:
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), autocast:
        head.loss(attention(batch), batch.labels)
    return sum(size for size, _ in seen.values())


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(
    ("name", "fused"), [(name, fused) for name in LAYERS for fused in (True, False) if fused or name != "modernbert"]
)
def test_a_layer_keeps_what_the_table_says(name: str, fused: bool, half: bool) -> None:
    """Fused as on a CPU; what the architecture keeps by itself counts on a GPU, but for attention."""
    two = name in TWO_STACKS
    family: Any = "encoder_decoder" if two else "encoder" if name in ENCODERS else "decoder"
    written = LENGTH - 1 if two else LENGTH
    row = TokenFlow(LENGTH, 0 if family == "decoder" else LENGTH, 0 if family == "encoder" else written, written)
    shape = Shape(
        parameters=0, layers=1, encoder_layers=1, width=32, heads=4, vocabulary=64, context=64, family=family,
        architecture=name, gated=name in ("llama", "qwen3", "modernbert"),
        inner=128 if name in ("gpt2", "bloom") else 48, keys=16 if name in ("llama", "qwen3") else 32,
    )  # fmt: skip
    more = [dict.fromkeys(LAYERS[name], layers) for layers in (3, 2)]
    found = kept(name, half, fused, more[0]) - kept(name, half, fused, more[1])
    planned = 2 * sum(
        layer.saved for _, layer in layers_of(shape, row, rows=2, bf16=half, gpu=not fused, compiled=False)
    )
    if not fused and not two and name != "bloom":
        planned += 2 * attended(shape, LENGTH, 2, half)
    assert planned == pytest.approx(found, rel=0.06)


def test_others_are_like_one_of_them() -> None:
    shape = Shape(parameters=0, layers=1, width=8, heads=1, vocabulary=1, context=1, architecture="mistral", gated=True)
    assert like(shape) == "llama"
    assert like(Shape(parameters=0, layers=1, width=8, heads=1, vocabulary=1, context=1, architecture="opt")) == "gpt2"


def test_a_compiled_layer_keeps_less() -> None:
    shape = Shape(parameters=0, layers=2, width=768, heads=12, vocabulary=1, context=512, architecture="gpt2")
    row = TokenFlow(512, 0, 512, 512)
    plain, compiled = (
        layers_of(shape, row, rows=1, bf16=True, gpu=True, compiled=each)[0][1].saved for each in (False, True)
    )
    assert plain == 512 * 60 * 768  # 20 + 10 x 4 times the width
    assert compiled == 512 * (28 + 4 * 4) * 768
