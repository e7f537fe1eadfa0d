"""The loop against transformers' Trainer and against a bare matrix product, step by step in turn, on a CPU.

9M parameters, rows of 512 tokens, bf16 autocast where the CPU has its instructions, else fp32. Against the Trainer with
the same batches (positions restart in its rows, so that it keeps documents apart too), and against the Trainer as it
comes: fp32, a padded document a row; there, tokens that are learned from are counted. Its own choice since torch 2.8
is the fused AdamW. All of it in one process, in which memory is kept between steps as the launcher asks for it.

Utilisation is what the loop computes over what a product of 2,048 x 2,048 matrices does in the same seconds and the
same precision. Of attention only what is seen is counted; ``square`` has all of it, which is the convention.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch

from domain.model.device import uses_bf16
from domain.model.spec import Scratch
from tests.benchmarks.rounds import interleaved
from tests.benchmarks.training.data import PackedRows, PaddedDocuments
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


def measured(given: Given) -> list[dict[str, Any]]:
    """The three rows."""
    machine = given.machine(device="cpu")
    half = uses_bf16(torch.device("cpu"), machine)
    folder = given.folder("speed")
    material = Material(folder, SHAPE, pieces=PIECES, rows=ROWS, batches=given.rounds + 3, seed=given.seed)
    padded = PaddedDocuments(material)
    same = {"bf16": half, "weight_decay": 0.1, "adam_beta2": 0.95, "learning_rate": 1e-3}
    trainings: dict[str, Paced] = {
        "ours": ours(material, folder / "ours", machine),
        "same": theirs(material, folder / "same", machine, PackedRows(material), **same),
        "default": theirs(material, folder / "default", machine, padded),
    }
    seconds = interleaved({**trainings, "product": product(half)}, given.rounds)
    losses = {name: training.leave() for name, training in trainings.items()}
    apart = abs(losses["ours"][0] - losses["same"][0])  # before anything is learned
    valid = [material.batches[index] for index in range(given.rounds + 1)]
    learned = [int((each.segments[:, 1:] == each.segments[:, :-1]).sum()) for each in valid]
    told = {"threads": machine.thread_count, "precision": "bf16" if half else "fp32"}
    told |= {"parameters": material.parameters, "seconds": round(median(seconds["ours"]), 3)}
    pace = round(ROWS * SHAPE.context / median(seconds["ours"]))
    times = {name: zip(seconds["ours"], seconds[name], strict=True) for name in ("same", "default", "product")}
    ratios = [slow / fast for fast, slow in times["same"]]
    # What its first call collated belongs to the round that does not count, as does what it reads ahead.
    shares = zip(times["default"], learned[1:], padded.valid[1:], strict=False)
    plain = [(slow / theirs_) / (fast / mine) for (fast, slow), mine, theirs_ in shares]
    rate = [(2.0 * SIZE**3 * PRODUCTS / bare, ROWS * SHAPE.context / fast) for fast, bare in times["product"]]
    used = [material.flops(material.seen()) * pace_ / peak for peak, pace_ in rate]
    square = median(material.flops() * pace_ / peak for peak, pace_ in rate)
    return [
        row(
            "speed: Trainer, same batches", ratios, GOALS["same"], holds=apart < (0.02 if half else 1e-4), **told,
            tokens_per_s=pace, peer_tokens_per_s=round(ROWS * SHAPE.context / median(seconds["same"])),
            first_losses=[round(losses[name][0], 5) for name in ("ours", "same")],
        ),
        row("speed: Trainer as it comes", plain, GOALS["default"], **told),
        row(
            "speed: utilisation", used, GOALS["utilisation"], **told, square=round(square, 3),
            product_gflops=round(median(peak for peak, _ in rate) / 1e9),
        ),
    ]  # fmt: skip


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """In a process of its own: glibc reads these settings as it starts."""
    from flows.launch import KEEP_MEMORY

    os.environ |= KEEP_MEMORY
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield from pool.apply(measured, (given,))
