from __future__ import annotations

from dataclasses import replace

import pytest

from domain.planning.footprint import cache, cache_per_token, weights
from tests.domain.planning.sizes import LLAMA_7B, T5_BASE


def test_weights_by_precision() -> None:
    parameters = 6_738_415_616
    assert weights(LLAMA_7B) == {"bf16": 2 * parameters, "int8": parameters, "4-bit": parameters / 2}


def test_keys_and_values_of_llama_2() -> None:
    # 2 x 32 layers x 4,096 x 2 bytes: half a MiB a token, 2 GiB for a text of 4,096
    assert cache_per_token(LLAMA_7B) == 2**19
    assert cache(LLAMA_7B, 1) == 2**31
    assert cache(LLAMA_7B, 16) == 2**35


def test_heads_that_share_keys_keep_them_once() -> None:
    # Llama 3 8B: 8 heads of 128 for the keys, 32 layers: 128 KiB a token
    assert cache_per_token(replace(LLAMA_7B, keys=8 * 128)) == 2**17


def test_the_other_families() -> None:
    assert cache_per_token(replace(LLAMA_7B, family="encoder")) == 0
    # T5-base: 2 x 12 layers x 768 x 2 bytes for each token that is written, and as many for each that was read
    assert cache(T5_BASE, 1) == pytest.approx(2 * 512 * 2 * 12 * 768 * 2)
