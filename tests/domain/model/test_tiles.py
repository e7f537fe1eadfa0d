"""Attention by tiles gives what the formula gives, forward and backward, and computes no more than is seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from domain.model import tiles as made
from domain.model.attention import Attention
from domain.model.parallel import recompute
from domain.model.tiles import Tiles, shared_tiles, tiled_attention
from tests.domain.model.architectures import rows, tiny

DOCUMENTS = torch.tensor([[0] * 11, [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2], [0, 1, 1, 1, 1, 1, 2, 2, -1, -1, -1]])


def formula(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: torch.Tensor,
    causal: bool, window: int | None,
) -> torch.Tensor:  # fmt: skip
    """softmax(q k^T / sqrt(width)) v in double precision, position by position (arXiv 1706.03762, section 3.2.1)."""
    groups = query.shape[1] // key.shape[1]
    found = torch.zeros(query.shape, dtype=torch.float64)
    for row, head, place in torch.cartesian_prod(*map(torch.arange, query.shape[:3])).tolist():
        seen = [
            other for other in range(place + 1 if causal else query.shape[2])
            if segments[row, other] == segments[row, place] and (window is None or abs(place - other) < window)
        ]  # fmt: skip
        scores = key[row, head // groups, seen] @ query[row, head, place] / query.shape[-1] ** 0.5
        found[row, head, place] = scores.softmax(0) @ value[row, head // groups, seen]
    return found.transpose(1, 2)


def drawn(kind: torch.dtype, heads: int = 2, deviation: float = 1.0) -> list[torch.Tensor]:
    """Queries of two heads, keys and values of ``heads``, in a layer's order of memory."""
    draw = torch.Generator().manual_seed(0)
    sizes = ((2, deviation), (heads, deviation), (heads, 1.0))
    each = (torch.randn(3, 11, count, 4, generator=draw) * size for count, size in sizes)
    return [tensor.to(kind).transpose(1, 2).requires_grad_() for tensor in each]


def learned(seen: torch.Tensor, given: list[torch.Tensor]) -> list[torch.Tensor]:
    """What is seen, and the gradients of something drawn of it."""
    toward = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)).to(seen.dtype)
    return [seen.detach(), *torch.autograd.grad(seen, given, toward)]


@pytest.mark.parametrize("kept", [2**24, 0])
@pytest.mark.parametrize("heads", [2, 1])
@pytest.mark.parametrize(("causal", "window"), [(True, None), (False, None), (True, 3), (False, 3)])
def test_against_the_formula(
    causal: bool, window: int | None, heads: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "SIZE", 4)
    monkeypatch.setattr(made, "SAVED_LIMIT", kept)
    given = drawn(torch.float32, heads)
    seen, _ = tiled_attention(
        SimpleNamespace(is_causal=causal), *given, None, sliding_window=window, tiles=Tiles(DOCUMENTS)
    )
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    expected = learned(formula(*exact, DOCUMENTS, causal, window), exact)
    for one, other in zip(learned(seen, given), expected, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-5, rtol=1e-5)


def test_large_scores_keep_their_precision_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of 40 are off by up to 0.125 in bf16, and what follows by more than a tenth."""
    monkeypatch.setattr(made, "SIZE", 4)
    given = drawn(torch.bfloat16, deviation=4.0)
    seen, _ = tiled_attention(SimpleNamespace(is_causal=True), *given, None, tiles=Tiles(DOCUMENTS))
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    expected = learned(formula(*exact, DOCUMENTS, True, None), exact)
    for one, other in zip(learned(seen, given), expected, strict=True):
        assert one.dtype == torch.bfloat16
        assert float((one.double() - other).norm() / other.norm()) < 0.01


def test_only_keys_that_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "SIZE", 4)
    monkeypatch.setattr(made, "WASTED", 0)

    def places(causal: bool, window: int | None) -> list[list[tuple[int, int, int]]]:
        """First and last row, and the keys, of each tile; by queries."""
        found = Tiles(DOCUMENTS)(causal, window)
        return [
            [
                (tile.rows.start, tile.rows.stop - 1, tile.keys.start, tile.keys.stop)
                for tile in found if tile.queries == slice(begin, end)
            ]
            for begin, end in ((0, 4), (4, 8), (8, 11))
        ]  # fmt: skip

    # Rows of equal reach share a tile.
    assert places(True, None) == [
        [(0, 2, 0, 4)],
        [(0, 1, 0, 8), (2, 2, 1, 8)],
        [(0, 0, 0, 11), (1, 1, 6, 11), (2, 2, 8, 11)],
    ]
    assert places(False, None) == [
        [(0, 0, 0, 11), (1, 2, 0, 6)],
        [(0, 0, 0, 11), (1, 1, 0, 9), (2, 2, 1, 8)],
        [(0, 0, 0, 11), (1, 1, 6, 11), (2, 2, 8, 11)],
    ]
    assert [tiles[0] for tiles in places(True, 2)] == [(0, 2, 0, 4), (0, 2, 3, 8), (0, 1, 7, 11)]
    assert [tiles[0] for tiles in places(False, 2)] == [(0, 2, 0, 5), (0, 1, 3, 9), (0, 1, 7, 11)]


def test_rows_share_a_tile_where_few_keys_are_wasted() -> None:
    """Of 8 and 7 keys one is wasted; 100 more would be 93, above 32 a row."""
    assert list(shared_tiles([(0, 8), (1, 8), (0, 101)], 1_000)) == [slice(0, 2), slice(2, 3)]
    assert list(shared_tiles([(0, 8), (0, 8), (0, 8)], 16)) == [slice(0, 2), slice(2, 3)]
    assert list(shared_tiles([(0, 8), (0, 8)], 7)) == [slice(0, 1), slice(1, 2)]  # one row is never too large


def test_rows_without_documents_are_one_each() -> None:
    given = drawn(torch.float32)
    module = SimpleNamespace(is_causal=True)
    alone, _ = tiled_attention(module, *given, None, tiles=Tiles(torch.zeros((3, 11), dtype=torch.int64)))
    assert torch.equal(tiled_attention(module, *given, None)[0], alone)
    with pytest.raises(ValueError, match="does not support a cache"):
        tiled_attention(module, given[0][:, :, -1:], *given[1:], None)


@pytest.mark.parametrize("how", ["full", "selective"])
def test_blocks_that_are_computed_again(how: str) -> None:
    found = []
    for each in ("none", how):
        model: Any = tiny("llama")
        attention = Attention(model, torch.device("cpu"))
        assert model.config._attn_implementation == "tiles"
        recompute(model, each)
        told = attention(rows("llama", [[7, 2, 12, 4], [17, 5]], 25))
        model(**told, use_cache=False).logits.square().sum().backward()
        found.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
