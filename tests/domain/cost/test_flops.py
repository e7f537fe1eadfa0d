from __future__ import annotations

from dataclasses import replace

import pytest

from domain.cost.flops import done_per_token, flops_per_token, optimal_tokens
from domain.cost.shape import Shape
from domain.settings.objectives import Causal, Denoising, Masked, Span
from tests.domain.planning.sizes import CHINCHILLA, LLAMA_7B, T5_BASE

SMALL = Shape(parameters=1_000, layers=2, width=10, heads=2, vocabulary=5, context=8)


def test_flops_are_6_n_d_and_attention() -> None:
    assert flops_per_token(SMALL, 8) == 6 * 1_000 + 12 * 2 * 10 * 8
    # Chinchilla's own budget, 70B on 1.4T tokens, is stated as 5.76e23 (arXiv 2203.15556, table 3)
    assert flops_per_token(CHINCHILLA, 1) * 1.4e12 == pytest.approx(5.76e23, rel=0.03)


def test_what_is_looked_up_costs_nothing_and_the_head_does() -> None:
    # Llama 2 7B: 6,738,415,616 parameters, of which an embedding of 32,000 x 4,096 is no head
    attention = 12 * 32 * 4_096 * 2_048
    assert flops_per_token(LLAMA_7B, 2_048) == 6 * (6_738_415_616 - 32_000 * 4_096) + attention


def test_an_encoder_predicts_a_share() -> None:
    encoder = replace(SMALL, family="encoder")
    # 950 parameters at every position, the head of 50 at 15% of them
    assert flops_per_token(encoder, 8, Masked()) == pytest.approx(6 * (950 + 0.15 * 50) + 12 * 2 * 10 * 8)


def test_under_span_corruption_a_token_passes_one_of_the_stacks() -> None:
    encoder, decoder, across, head = 84_934_656, 113_246_208, 14_155_776, 24_674_304
    passed = ((encoder + across) * 512 + (decoder - across + head) * 114) / 568
    # scores of 512 by 512 in the encoder, 114 by 114 and by 512 in the decoder, of 12 layers each
    attention = 12 * 768 * 12 * (512**2 + 114**2 + 114 * 512) / 568
    assert flops_per_token(T5_BASE, 512, Span()) == pytest.approx(6 * passed + attention)
    assert flops_per_token(T5_BASE, 512, Span()) - attention == pytest.approx(6 * T5_BASE.parameters / 2, rel=0.05)


def test_under_denoising_it_passes_nearly_both() -> None:
    attention = 12 * 768 * 12 * (410**2 + 512**2 + 410 * 512) / 510
    flops = flops_per_token(T5_BASE, 512, Denoising()) - attention
    assert flops == pytest.approx(6 * T5_BASE.parameters, rel=0.1)


def test_recomputation_and_frozen_layers() -> None:
    plain, forward = flops_per_token(SMALL, 8), 4 * 2 * 10 * 8  # of attention
    assert done_per_token(SMALL, 8, Causal()) == done_per_token(SMALL, 8, Causal(), recompute="selective") == plain
    # the layers' 950 once more forward: 8 N for them, and 6 for the head of 50
    assert done_per_token(SMALL, 8, Causal(), recompute="full") == 8 * 950 + 6 * 50 + 4 * forward
    assert done_per_token(SMALL, 8, Causal(), frozen=True, head=False) == 4 * 1_000 + 3 * forward
    assert done_per_token(SMALL, 8, Causal(), frozen=True) == 4 * 950 + 6 * 50 + 3 * forward


def test_the_refit_law_at_chinchillas_budget() -> None:
    # arXiv 2404.10102: about 20 tokens per parameter are optimal at 5.76e23 FLOPs; the refit gives 18 there.
    low, high = 1e9, 1e12
    for _ in range(100):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if 6 * middle * optimal_tokens(middle) < 5.76e23 else (low, middle)
    assert optimal_tokens(low) / low == pytest.approx(18, abs=2)


def test_the_optimum_is_one() -> None:
    def reducible(parameters: float, tokens: float) -> float:  # arXiv 2404.10102, table 1
        return 482.01 / parameters**0.3478 + 2085.43 / tokens**0.3658

    parameters = 1e9
    tokens = optimal_tokens(parameters)
    best = reducible(parameters, tokens)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert reducible(parameters * factor, tokens / factor) > best
