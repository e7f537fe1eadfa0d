"""What is computed again, and that compiled blocks are: with a stand-in for the attention of a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from domain.model.kernels import register
from domain.model.masks import Masks
from domain.model.parallel import blocks, recompute
from tests.domain.model.architectures import rows, tiny
from tests.domain.model.varlen import calls, stand_in

LAYERS, DOCUMENTS = 4, ([[7, 2, 12, 4], [17, 5]], [[7, 14, 4], [25]])


def learned(how: str, compiled: bool) -> list[torch.Tensor]:
    """Gradients after both batches, blocks traced as for a GPU and not turned into kernels."""
    stand_in()
    register()
    torch.compiler.reset()
    counters.clear()
    calls.update(forward=0, backward=0)
    model = tiny("llama", num_hidden_layers=LAYERS)
    model.set_attn_implementation("varlen")
    masks = Masks(model, packed=True)
    recompute(model, how)
    for block in blocks(model) if compiled else ():
        block.compile(backend="aot_eager")
    for documents in DOCUMENTS:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits: Any = model(**masks(rows("llama", documents, 25)), use_cache=False).logits
        logits.float().square().sum().backward()
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_attention_is_kept_where_only_cheap_operations_are_computed_again(compiled: bool) -> None:
    wanted = learned("none", False)
    once = LAYERS * len(DOCUMENTS)
    assert calls == {"forward": once, "backward": once}
    for how, times in (("selective", 1), ("full", 2)):
        found = learned(how, compiled)
        assert calls == {"forward": times * once, "backward": once}
        for one, other in zip(found, wanted, strict=True):
            assert (one - other).norm() <= (2e-2 if compiled else 0.0) * other.norm()
        # One for all blocks, and one more when another number of documents comes.
        assert counters["stats"]["unique_graphs"] == (2 if compiled else 0)
