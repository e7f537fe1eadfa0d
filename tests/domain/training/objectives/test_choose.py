from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.settings.objectives import ObjectiveSettings
from domain.training.objectives import choose
from domain.training.objectives.causal import CausalObjective
from domain.training.objectives.denoising import DenoisingObjective
from domain.training.objectives.masked import MaskedObjective
from domain.training.objectives.span import SpanObjective
from tests.domain.training.objectives import made


@pytest.mark.parametrize(
    ("asked", "tokenizer", "kind"),
    [
        ("causal", made.roberta, CausalObjective),
        ({"kind": "masked", "whole_words": True}, made.bert, MaskedObjective),
        ("span", made.t5, SpanObjective),
        ({"kind": "denoising", "permute": False}, made.roberta, DenoisingObjective),
    ],
)
def test_what_a_recipe_asks_for_is_what_it_gets(asked: Any, tokenizer: Any, kind: type) -> None:
    spec: Any = TypeAdapter(ObjectiveSettings).validate_python(asked)
    found = choose(spec, tokenizer(), 0)
    assert type(found) is kind
    assert found(made.streamed(tokenizer(), [30, 5], rows=2, raw=found.raw(64)), 0).valid > 0


def test_a_recipe_is_opened_without_torch() -> None:
    code = "import sys, domain.settings.objectives; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
