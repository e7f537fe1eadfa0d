"""What only a GPU can show: utilisation, waits, the largest model, the Trainer, and attention's kernels.

Rows of 4,096 tokens in bf16, blocks compiled, nothing computed again. MFU is the loop's own formula
(``domain.training.mfu``: attention by the convention's full square; ``seen`` counts only what is seen) by a
stopwatch beside it, over 989 TFLOP/s; ``points`` is what the training itself told. A save's stall is what the loop
stood still for it and what its steps took longer until it was written, over 30 minutes. The largest model is what the
plan says fits, everything computed again, a row at a time; three steps confirm it.

Each stage has a process of its own, so that an error, or memory that ran out, costs its rows alone. It takes some eight
minutes, and nothing beyond what ``domain`` needs, but accelerate for the Trainer; a plain loop stands in for that where
it is missing.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch

from tests.benchmarks.training.card import Scale
from tests.benchmarks.training.kernels import agreement, turns
from tests.benchmarks.training.largest import largest
from tests.benchmarks.training.material import Given
from tests.benchmarks.training.used import utilisation


def stages(given: Given, scale: Scale) -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """What each process does, the quickest answers first."""
    yield "agreement of kernels", agreement, (given, scale)
    yield "MFU at 350M", utilisation, (given, scale, "350M")
    yield "Trainer", turns, (replace(given, rounds=min(given.rounds, 4)), scale)
    yield "MFU at 1B", utilisation, (given, scale, "1B")
    yield "largest model", largest, (given, scale)


def sent(work: Callable[..., Any], told: tuple[Any, ...], out: Connection) -> None:
    """In the process: its rows, or what went wrong."""
    try:
        out.send(work(*told))
    except Exception as error:  # the others are worth knowing all the same
        traceback.print_exc()
        out.send(f"{type(error).__name__}: {error}"[:500])


def rows(given: Given, scale: Scale | None = None) -> Iterator[dict[str, Any]]:
    """The rows of each stage as they are known, with the card's name."""
    if scale is None and not torch.cuda.is_available():
        yield {"stage": "gpu", "needs": "a CUDA device", "passed": None}
        return
    scale = scale or Scale()
    about = {"torch": torch.__version__, **({"card": torch.cuda.get_device_name()} if scale.device == "cuda" else {})}
    for name, work, told in stages(given, scale):
        began, (get, put) = time.perf_counter(), multiprocessing.Pipe(False)
        process = multiprocessing.get_context("spawn").Process(target=sent, args=(work, told, put))
        process.start()
        put.close()
        try:
            found = get.recv()
        except EOFError:
            found = "its process was killed"
        process.join()
        print(f"gpu: {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        if isinstance(found, str):
            found = [{"stage": f"gpu: {name}", "error": found, "passed": False}]
        yield from ({**each, **about} for each in found)
