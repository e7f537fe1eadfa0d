"""How these benchmarks time: every way in turn, round by round, so that a busy machine is busy for all."""

from __future__ import annotations

import importlib
import json
import math
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any


def interleaved(
    ways: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter,
    tidy: Callable[[str], object] = str,
) -> dict[str, list[float]]:  # fmt: skip
    """Seconds of each way in each round by this clock, after one round that does not count.

    Before each, untimed, ``tidy`` gets its name, to remove what it wrote the last time: no user writes over a file.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            tidy(name)
            begin = clock()
            way()
            if number:
                seconds[name].append(clock() - begin)
    return seconds


def row(
    stage: str, mine: Sequence[float], size: float, peer: Sequence[float], peer_size: float, goal: float, **more: Any
) -> dict[str, Any]:
    """A row: how many times the peer's MB/s; ``more`` may say by ``holds`` whether the quality gate does."""
    ratios = [slow / peer_size / (fast / size) for fast, slow in zip(mine, peer, strict=True)]
    holds = more.pop("holds", True)
    return {
        "stage": stage,
        "ratio": round(median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "goal": goal,
        "passed": holds and median(ratios) >= goal,
        "seconds": round(median(mine), 3),
        "mb_per_s": round(size / median(mine), 1),
        "peer_mb_per_s": round(peer_size / median(peer), 2),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **more,
    }


def told(folder: str, stages: Sequence[str], *given: Any) -> int:
    """Run the ``rows`` of each stage below ``tests/benchmarks/folder``, print them; 1 where a goal is missed."""
    missed = []
    for stage in stages:
        module = importlib.import_module(f"tests.benchmarks.{folder}.{stage}")
        for each in module.rows(*given):
            print(json.dumps(each), flush=True)
            missed += [each["stage"]] if each["passed"] is False else []
    print(f"goals missed: {', '.join(missed)}" if missed else "all goals reached", file=sys.stderr)
    return 1 if missed else 0


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Of the least-squares line through log seconds over log sizes: 1 is linear."""
    x, y = [[math.log(value) for value in values] for values in (sizes, seconds)]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return over / sum((a - mean_x) ** 2 for a in x)


def resident(way: Callable[..., object], *given: Any) -> int:
    """Peak resident MB of a fresh process that does this alone."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak, (way, *given))


def peak(way: Callable[..., object], *given: Any) -> int:
    """Peak resident MB of this process after it did this; ``ru_maxrss`` would be that of the parent it came from."""
    way(*given)
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
