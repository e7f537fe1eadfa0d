"""The loss over the vocabulary in chunks against full logits and against torch's own linear cross-entropy.

    python -m tests.benchmarks.loss_memory [--tokens 2048] [--width 256] [--precision fp32|bf16]

Forward and backward of head and loss alone on one core, for vocabularies of 4,096 to 131,072 pieces: CPU seconds by
turns, and the peak of memory beyond features and matrix, each in a process of its own. One JSON line a vocabulary; exit
1 where a goal is missed: no slower than full logits, and less memory from 32,768 pieces on. A last line is masked
training: 15% of the positions against all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as functional

from domain.training.head import linear_loss, plain_loss
from tests.benchmarks.rounds import interleaved, resident

PIECES = (4_096, 32_768, 131_072)


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


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--tokens", type=int, default=2_048)
    options.add_argument("--width", type=int, default=256)
    options.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    half, missed = given.precision == "bf16", False
    for pieces in PIECES:
        # torch's took 101 s for 131,072 pieces and 512 tokens in bf16, which is enough to know.
        known = hasattr(torch.nn, "LinearCrossEntropyOptions") and pieces < PIECES[-1]
        ways = ["chunks", "full", *(["torch"] if known else [])]
        size = (given.tokens, given.width, pieces)
        seconds = interleaved({way: learned(way, *size, half) for way in ways}, given.rounds, time.process_time)
        nothing = resident(alone, "nothing", *size, int(half))
        memory = {way: resident(alone, way, *size, int(half)) - nothing for way in ways}
        ratio = median(slow / fast for slow, fast in zip(seconds["full"], seconds["chunks"], strict=True))
        passed = ratio >= 1.0 and (pieces < 32_768 or memory["chunks"] < memory["full"])
        missed |= not passed
        told = {"pieces": pieces, "precision": given.precision, "ratio": round(ratio, 2), "goal": 1.0, "passed": passed}
        told |= {f"{way}_seconds": round(median(seconds[way]), 3) for way in ways}
        print(json.dumps({**told, **{f"{way}_mb": memory[way] for way in ways}}), flush=True)
    size = (given.tokens, given.width, PIECES[1])
    masked = {"valid": learned("chunks", *size, half, 0.15), "all": learned("full", *size, half)}
    seconds = interleaved(masked, given.rounds, time.process_time)
    ratio = median(slow / fast for slow, fast in zip(seconds["all"], seconds["valid"], strict=True))
    passed = ratio >= 4.0
    print(json.dumps({"masked": 0.15, "pieces": PIECES[1], "ratio": round(ratio, 2), "goal": 4.0, "passed": passed}))
    return int(missed or not passed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
