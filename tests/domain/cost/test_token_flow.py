"""What a row comes to, against the paper and against the objectives that make the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.cost.token_flow import TokenFlow, token_flow
from domain.settings.objectives import Causal, Denoising, Masked, Span
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.training.objectives import choose
from tests.domain.model import tiny


def test_t5s_own_numbers() -> None:
    # arXiv 1910.10683, section 3.1.4: inputs of 512 tokens are made of 568, with targets of 114
    assert token_flow(Span(), 512) == TokenFlow(568, 512, 114, 114)


def test_one_stack_is_given_all_of_a_row() -> None:
    assert token_flow(Causal(), 256) == TokenFlow(256, 0, 256, 256)
    assert token_flow(Masked(share=0.2), 256) == TokenFlow(256, 256, 0, pytest.approx(51.2))


def test_denoising_reads_less_than_it_writes() -> None:
    # 508 tokens of text, framed: 30% of them hidden in spans of 3 on average, a mask for each
    assert token_flow(Denoising(), 510) == TokenFlow(508, pytest.approx(508 * 0.7 + 508 * 0.1 + 2), 510, 510)


@pytest.mark.parametrize("context", [64, 100, 256, 512])
@pytest.mark.parametrize("objective", [Span(), Span(share=0.3, length=5.0), Denoising(), Masked(), Causal()], ids=str)
def test_rows_are_as_long_as_the_objective_makes_them(tmp_path: Path, objective: Any, context: int) -> None:
    speaker = load_tokenizer(tiny.trained(tmp_path, objective.kind))
    assert token_flow(objective, context).raw == choose(objective, speaker, 0).raw(context)
