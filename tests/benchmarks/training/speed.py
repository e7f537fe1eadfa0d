"""The loop against transformers' Trainer and against a bare matrix product, step by step in turn, on a CPU.

9M parameters, rows of 512 tokens, bf16 autocast where the CPU has its instructions, else fp32. Against the Trainer with
the same batches (positions restart in its rows, so that it keeps documents apart too), and against the Trainer as it
comes: fp32, a padded document a row; there, tokens that are learned from are counted. Its own choice since torch 2.8
is the fused AdamW. Each has a process of its own, in which memory is kept between steps as the launcher asks for it.

Utilisation is what the loop computes over what a product of 2,048 x 2,048 matrices does in the same seconds and the
same precision. Of attention only what is seen is counted; ``square`` has all of it, as a training's points do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from domain.model.device import uses_bf16
from domain.model.spec import Scratch
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.training.data import PackedRows, PaddedDocuments
from tests.benchmarks.training.elsewhere import Elsewhere
from tests.benchmarks.training.material import Given, Material, row
from tests.benchmarks.training.paced import Paced, ours, theirs

SHAPE, PIECES, ROWS = Scratch(width=256, layers=8, heads=4, context=512), 8_192, 8
SIZE, PRODUCTS = 2_048, 10
GOALS = {"same": 1.15, "default": 1.8, "utilisation": 0.5}


def product(half: bool) -> Callable[[], None]:
    """Matrix products that take about as long as a step."""
    left = torch.randn(SIZE, SIZE).to(torch.bfloat16 if half else torch.float32)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            left @ left

    return multiply


def material_of(given: Given) -> Material:
    """The same in each process."""
    folder = given.folder(f"speed-{os.getpid()}")
    return Material(folder, SHAPE, pieces=PIECES, rows=ROWS, batches=given.rounds + 3, seed=given.seed)


def mine(given: Given) -> Paced:
    """The loop."""
    return ours(material_of(given), given.work / "ours", given.machine(device="cpu"))


def same(given: Given) -> Paced:
    """The Trainer on the same rows, in the same precision."""
    machine, material = given.machine(device="cpu"), material_of(given)
    how = {"weight_decay": 0.1, "adam_beta2": 0.95, "learning_rate": 1e-3}
    half = uses_bf16(torch.device("cpu"), machine)
    return theirs(material, given.work / "same", machine, PackedRows(material), bf16=half, **how)


def default(given: Given) -> Paced:
    """The Trainer as it comes."""
    material = material_of(given)
    return theirs(material, given.work / "default", given.machine(device="cpu"), PaddedDocuments(material))


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """The three rows."""
    from flows.run.launch import KEEP_MEMORY

    machine, material = given.machine(device="cpu"), material_of(given)
    torch.set_num_threads(machine.thread_count)
    half = uses_bf16(torch.device("cpu"), machine)
    with patch.dict(os.environ, KEEP_MEMORY):  # glibc reads it as a process starts
        trainings = {made.__name__: Elsewhere(made, given) for made in (mine, same, default)}
    seconds = interleaved({**trainings, "product": product(half)}, given.rounds)
    losses = {name: training.leave() for name, training in trainings.items()}
    apart = abs(losses["mine"][0] - losses["same"][0])  # before anything is learned
    told = {"threads": machine.thread_count, "precision": "bf16" if half else "fp32"}
    told |= {"parameters": material.parameters, "seconds": round(median(seconds["mine"]), 3)}
    pace = round(ROWS * SHAPE.context / median(seconds["mine"]))
    times = {name: zip(seconds["mine"], seconds[name], strict=True) for name in ("same", "default", "product")}
    ratios = [slow / fast for fast, slow in times["same"]]
    shares = zip(times["default"], learned(material, given.rounds), padded(material, given.rounds), strict=True)
    plain = [(slow / theirs_) / (fast / mine_) for (fast, slow), mine_, theirs_ in shares]
    rate = [(2.0 * SIZE**3 * PRODUCTS / bare, ROWS * SHAPE.context / fast) for fast, bare in times["product"]]
    used = [material.flops(material.seen()) * pace_ / peak for peak, pace_ in rate]
    square = median(material.flops() * pace_ / peak for peak, pace_ in rate)
    yield row(
        "speed: Trainer, same batches", ratios, GOALS["same"], holds=apart < (0.02 if half else 1e-4), **told,
        tokens_per_s=pace, peer_tokens_per_s=round(ROWS * SHAPE.context / median(seconds["same"])),
        first_losses=[round(losses[name][0], 5) for name in ("mine", "same")],
    )  # fmt: skip
    yield row("speed: Trainer as it comes", plain, GOALS["default"], **told)
    yield row(
        "speed: utilisation", used, GOALS["utilisation"], **told, square=round(square, 3),
        product_gflops=round(median(peak for peak, _ in rate) / 1e9),
    )  # fmt: skip


def learned(material: Material, rounds: int) -> list[int]:
    """Tokens that the loop learns from in each round that counts."""
    batches = [material.batches[index] for index in range(1, rounds + 1)]
    return [int((each.segments[:, 1:] == each.segments[:, :-1]).sum()) for each in batches]


def padded(material: Material, rounds: int) -> list[int]:
    """Tokens that the Trainer as it comes learns from in each of them, eight documents at a time."""
    data = PaddedDocuments(material)
    epoch = [range(first, min(first + 8, len(data))) for first in range(0, len(data), 8)]
    for numbers in islice(cycle(epoch), 1, rounds + 1):
        data.collated([data[number] for number in numbers])
    return data.valid
