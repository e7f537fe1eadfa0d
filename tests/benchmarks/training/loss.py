"""The loss over the vocabulary in chunks against full logits and against torch's own linear cross-entropy, on one core.

Forward and backward of head and loss alone, for vocabularies of 4,096 to 131,072 pieces: seconds by turns, and the peak
of what is allocated beyond features and matrix, each in a process of its own. No slower than full logits, and less
memory from 32,768 pieces on. A last row is masked training: 15% of the positions against all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
import torch.nn.functional as functional

from domain.model.device import uses_bf16
from domain.training.loss_head import linear_loss, plain_loss
from tests.benchmarks.rounds import interleaved, resident
from tests.benchmarks.training.material import Given, row

PIECES, TOKENS, WIDTH = (4_096, 32_768, 131_072), 2_048, 256
SLOW = 32_768  # pieces beyond which torch's own way takes a minute
SHARE = 0.15  # of the positions, that masked training predicts


def made(tokens: int, width: int, pieces: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features, matrix and labels."""
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(tokens, width, generator=draw, requires_grad=True)
    matrix = (torch.randn(pieces, width, generator=draw) / width**0.5).requires_grad_()
    return features, matrix, torch.randint(0, pieces, (tokens,), generator=draw)


def learned(way: str, tokens: int, width: int, pieces: int, half: bool, share: float = 1.0) -> Callable[[], None]:
    """A forward and a backward pass; of ``share`` of the positions."""
    features, matrix, labels = made(tokens, width, pieces)
    count = int(share * tokens)

    def once() -> None:
        features.grad = matrix.grad = None
        here, wanted = features[:count], labels[:count]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            if way == "chunks":
                loss = linear_loss(here, wanted, matrix, None, 0.0)
            elif way == "full":
                loss = plain_loss(functional.linear(here, matrix), wanted, 0.0)
            else:
                kind = torch.bfloat16 if half else torch.float32
                options = torch.nn.LinearCrossEntropyOptions()
                loss = functional.linear_cross_entropy(
                    here.to(kind), matrix.to(kind), wanted, reduction="sum", options=options
                )
        loss.backward()

    return once


def alone(way: str, *given: int) -> None:
    """For the peak of memory: nothing at all, or one pass."""
    torch.set_num_threads(1)
    if way == "nothing":
        made(*given[:3])
    else:
        learned(way, *given[:3], bool(given[3]))()


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """A row a vocabulary, and one for masked training; of three rounds, since the largest takes a minute each."""
    half, threads = uses_bf16(torch.device("cpu"), given.machine(device="cpu")), torch.get_num_threads()
    told = {"precision": "bf16" if half else "fp32", "threads": 1}
    torch.set_num_threads(1)
    for pieces in PIECES:
        size = (TOKENS, WIDTH, pieces)
        with_torch = hasattr(torch.nn, "LinearCrossEntropyOptions") and pieces <= SLOW
        ways = ["chunks", "full", *(["torch"] if with_torch else [])]
        seconds = interleaved({way: learned(way, *size, half) for way in ways}, min(3, given.rounds))
        nothing = resident(alone, "nothing", *size, int(half))
        memory = {way: resident(alone, way, *size, int(half)) - nothing for way in ways}
        times = {f"{way}_seconds": round(median(seconds[way]), 3) for way in ways}
        ratios = [slow / fast for slow, fast in zip(seconds["full"], seconds["chunks"], strict=True)]
        yield row(
            f"loss: {pieces:,} pieces", ratios, 1.0,
            holds=pieces < PIECES[1] or memory["chunks"] < memory["full"], **told, **times,
            **{f"{way}_mb": memory[way] for way in ways},
        )  # fmt: skip
    size = (TOKENS, WIDTH, PIECES[1])
    masked = {"valid": learned("chunks", *size, half, SHARE), "all": learned("full", *size, half)}
    seconds = interleaved(masked, min(3, given.rounds))
    ratios = [slow / fast for slow, fast in zip(seconds["all"], seconds["valid"], strict=True)]
    yield row(f"loss: {SHARE:.0%} of {PIECES[1]:,} pieces' positions", ratios, 4.0, **told)
    torch.set_num_threads(threads)
