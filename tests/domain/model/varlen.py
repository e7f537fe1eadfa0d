"""A stand-in for the operator behind ``varlen_attn``, which no CPU has: all around it can be tried without a GPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.nn.attention import varlen

calls = {"forward": 0, "backward": 0}


@torch.autocast("cpu", enabled=False)
def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bounds: torch.Tensor, scale: float | None,
    window: list[int] | None, toward: torch.Tensor | None = None,
) -> list[torch.Tensor]:  # fmt: skip
    """Output [tokens, heads, width], document by document; given its gradient, those of queries, keys and values.

    By hand, since autograd is off where an operator's kernel runs.
    """
    (left, right), groups = window or (-1, -1), query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    sides = (query, key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1))
    found: list[list[torch.Tensor]] = []
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        q, k, v = (each[begin:end].transpose(0, 1).float() for each in sides)
        order = torch.arange(end - begin)
        back = order[:, None] - order
        seen = ((back <= left) | (left < 0)) & ((-back <= right) | (right < 0))
        shares = (q @ k.mT * scale).masked_fill(~seen, -torch.inf).softmax(-1)
        if toward is None:
            found.append([shares @ v])
            continue
        error = toward[begin:end].transpose(0, 1).float()
        errors = shares * (error @ v.mT - (error @ v.mT * shares).sum(-1, keepdim=True)) * scale
        summed = (each.unflatten(0, (-1, groups)).sum(1) for each in (errors.mT @ q, shares.mT @ error))
        found.append([errors @ k, *summed])
    return [torch.cat([each.transpose(0, 1) for each in parts]).to(query.dtype) for parts in zip(*found, strict=True)]


def forward(query: Any, key: Any, value: Any, cu_q: Any, cu_k: Any, max_q: int, max_k: int, *more: Any) -> Any:
    """Output, and normalisers and random state that nobody reads here."""
    calls["forward"] += 1
    _, scale, window, *_ = more
    normalisers = torch.zeros(query.shape[1], query.shape[0])
    return *attend(query, key, value, cu_q, scale, window), normalisers, torch.zeros(2, dtype=torch.uint64)


def backward(toward: Any, query: Any, key: Any, value: Any, out: Any, lse: Any, cu_q: Any, *more: Any) -> Any:
    """Gradients of queries, keys and values."""
    calls["backward"] += 1
    *_, scale, window = more
    return tuple(attend(query, key, value, cu_q, scale, window, toward))


@cache
def stand_in() -> None:
    """Give both operators a kernel on the CPU."""
    varlen._varlen_attn.register_kernel("cpu", forward)
    varlen._varlen_attn_backward.register_kernel("cpu", backward)
