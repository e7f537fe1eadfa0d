"""The layouts against the models that transformers builds."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch

from domain.cost.tensors import PAD_ID, tensors
from domain.model.build import opener
from domain.model.families import configured
from domain.model.spec import FAMILIES, GROUPED, ONE_MATRIX, Scratch


class Speaker:
    """What of a tokenizer a configuration asks for."""

    bos_token_id, eos_token_id, pad_token_id, name_or_path = 0, 1, PAD_ID, "none"
    bos_token, eos_token = "<s>", "</s>"
    cls_token_id = sep_token_id = None


@pytest.mark.parametrize("architecture", FAMILIES)
@pytest.mark.parametrize("more", [{}, {"tied": False}, {"kv_heads": 2}, {"ffn": 72}], ids=str)
def test_tensors_are_those_of_the_model(
    architecture: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if ("tied" in more and architecture in ONE_MATRIX) or ("kv_heads" in more and architecture not in GROUPED):
        pytest.skip("there is no such model")
    if "ffn" in more and architecture == "bloom":
        pytest.skip("its inner size is four times its width")
    monkeypatch.setattr("domain.model.families.frame", lambda speaker: (0, 1))
    shape = Scratch(architecture=architecture, width=32, layers=3, heads=4, context=24, **more)
    with torch.device("meta"):
        model = opener(shape.family).from_config(configured(shape, 259, Speaker()))
    assert tensors(shape, 259) == {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def test_llama_2_7b() -> None:
    shape = Scratch(width=4_096, layers=32, heads=32, ffn=11_008, context=4_096, tied=False)
    assert sum(map(prod, tensors(shape, 32_000).values())) == 6_738_415_616  # as its checkpoint has it
