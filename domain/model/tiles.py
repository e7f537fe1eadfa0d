"""Attention on a CPU: a tile of queries at a time against only those keys that one of them sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.autograd.function import once_differentiable

# Queries in a tile. Rows of 512 on one core, heads 64 wide, forward and backward: 64 to 256 take 31 to 39 ms in fp32
# and 30 to 25 in bf16, torch's flash attention with a mask 54 and 56.
SIZE = 128
KEPT = 2**24  # bytes of probabilities that one call may keep for its backward pass, which else takes a fifth longer


@dataclass(frozen=True)
class Tile:
    """Positions ``queries`` of a ``row`` see nothing outside ``keys``; ``bias`` is 0 where they see and else -inf."""

    row: int
    queries: slice
    keys: slice
    bias: torch.Tensor  # fp32 [queries, keys]


class Tiles:
    """``tiles(causal, window)``: those of rows whose documents are ``segments``, int64 [rows, length] on the CPU.

    They are made when a layer first asks for them; layers of a kind share them. A ``window`` of w holds w - 1
    neighbours, on either side where it is not ``causal``.
    """

    def __init__(self, segments: torch.Tensor) -> None:
        self.segments, self.made = segments, dict[tuple[bool, int | None], list[Tile]]()

    def __call__(self, causal: bool, window: int | None) -> list[Tile]:
        """The tiles of all rows, in order."""
        if (causal, window) not in self.made:
            rows = enumerate(self.segments)
            self.made[causal, window] = [tile for n, row in rows for tile in self.row(n, row, causal, window)]
        return self.made[causal, window]

    def row(self, number: int, segments: torch.Tensor, causal: bool, window: int | None) -> list[Tile]:
        """Those of one row."""
        length, index = len(segments), torch.arange(len(segments))
        cuts = (segments[1:] != segments[:-1]).nonzero().flatten() + 1
        document = torch.bucketize(index, cuts, right=True)
        bounds = torch.cat((torch.zeros(1, dtype=torch.int64), cuts, torch.full((1,), length)))
        first, last = bounds[document], (index if causal else bounds[document + 1] - 1)
        if window is not None:
            first, last = torch.maximum(first, index - window + 1), torch.minimum(last, index + window - 1)
        found = []
        for begin in range(0, length, SIZE):
            queries = slice(begin, min(begin + SIZE, length))
            keys = slice(int(first[queries].min()), int(last[queries].max()) + 1)
            here = index[keys]
            seen = (here >= first[queries, None]) & (here <= last[queries, None])
            found.append(Tile(number, queries, keys, torch.zeros(seen.shape).masked_fill_(~seen, -torch.inf)))
        return found


@lru_cache(maxsize=8)
def whole(rows: int, length: int) -> Tiles:
    """The tiles of rows that are one document each."""
    return Tiles(torch.zeros((rows, length), dtype=torch.int64))


@torch.compiler.disable  # type: ignore[untyped-decorator]  # other tiles in every batch would be compiled anew
def tiled_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    tiles: Tiles | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention [rows, heads, length, width] -> [rows, length, heads, width], by transformers' interface.

    Without ``tiles`` every row is a document (scoring). Raises ``ValueError`` where keys are from a cache.
    """
    rows, heads, length, width = query.shape
    if key.shape[2] != length:
        raise ValueError("attention in tiles takes no cache: use_cache=False")
    if heads != key.shape[1]:
        key, value = (each.repeat_interleave(heads // each.shape[1], 1) for each in (key, value))
    # Rotary positions widen queries and keys to fp32 under autocast; values come straight from a matrix product.
    given = (query.to(value.dtype), key.to(value.dtype), value)
    made = (tiles or whole(rows, length))(module.is_causal, sliding_window)
    seen: torch.Tensor = Tiled.apply(*given, made, width**-0.5 if scaling is None else scaling)  # type: ignore[no-untyped-call]
    return seen, None


class Tiled(torch.autograd.Function):
    """softmax(scale q k^T + bias) v by tiles; scores and sums in fp32, products in the precision given.

    Scores in bf16, as the plain way has them, are off by 1.6 to 4.4% where they deviate by 16; these by 0.2 to 0.5%,
    as those of torch's flash attention.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, tiles: list[Tile], scale: float
    ) -> torch.Tensor:
        """[rows, heads, length, width] three times -> [rows, length, heads, width]."""
        with torch.autocast("cpu", enabled=False):
            found = beside(query)
            size = query.element_size() * query.shape[1] * sum(tile.bias.numel() for tile in tiles)
            kept: list[torch.Tensor] = []
            wide = query.float(), key.float()
            for tile in tiles:
                shares = probabilities(*wide, tile, scale).to(value.dtype)
                torch.bmm(shares, value[tile.row, :, tile.keys], out=found[tile.row, :, tile.queries])
                if size <= KEPT and any(ctx.needs_input_grad):
                    kept.append(shares)
        ctx.save_for_backward(query, key, value, *kept)
        ctx.tiles, ctx.scale = tiles, scale
        return found.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, toward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of queries, keys and values."""
        query, key, value, *kept = ctx.saved_tensors
        tiles, scale, toward = ctx.tiles, ctx.scale, toward.transpose(1, 2)
        wide = (query, key) if kept else (query.float(), key.float())
        queries = beside(query)
        keys, values = (torch.zeros_like(beside(each), dtype=torch.float32) for each in (key, value))
        for number, tile in enumerate(tiles):
            here, there = (tile.row, slice(None), tile.queries), (tile.row, slice(None), tile.keys)
            shares = kept[number] if kept else probabilities(*wide, tile, scale).to(value.dtype)
            wanted = toward[here]
            # add_, since += would also copy the sum onto itself
            values[there].add_(torch.bmm(shares.transpose(1, 2), wanted))
            errors = torch.bmm(wanted, value[there].transpose(1, 2))
            errors = torch.ops.aten._softmax_backward_data(errors, shares, -1, shares.dtype)
            torch.bmm(errors, key[there], out=queries[here])
            keys[there].add_(torch.bmm(errors.transpose(1, 2), query[here]))
        return queries.mul_(scale), keys.mul_(scale).to(key.dtype), values.to(value.dtype), None, None


def probabilities(query: torch.Tensor, key: torch.Tensor, tile: Tile, scale: float) -> torch.Tensor:
    """What share of each key the queries of a tile take: fp32 [heads, queries, keys]."""
    scores = torch.baddbmm(
        tile.bias, query[tile.row, :, tile.queries], key[tile.row, :, tile.keys].transpose(1, 2), alpha=scale
    )
    return torch.softmax(scores, -1)


def beside(given: torch.Tensor) -> torch.Tensor:
    """An empty tensor of that shape, its memory ordered [rows, length, heads, width], as the layers around have it."""
    rows, heads, length, width = given.shape
    return given.new_empty(rows, length, heads, width).transpose(1, 2)
