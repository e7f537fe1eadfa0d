"""Find a layout that fits in memory: micro-batch, recomputation, and the smallest number of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from domain.cost.device import Device
from domain.planning.memory import LIBRARIES, Memory, Setting

WAYS = ("none", "selective", "full")
ENOUGH = 4_096  # tokens per forward pass; with fewer a GPU is underused, and recomputation costs less
SPARE = 0.08  # share of the memory that allocators cannot use
COUNTS = (1, 2, 4, *range(8, 1_025, 8))

MemoryOf = Callable[[Setting], Memory]


@dataclass(frozen=True)
class Fit:
    """A layout that fits, and its memory."""

    how: Setting
    memory: Memory


def room_of(device: Device) -> float | None:
    """Bytes available to a training process; None if the device's memory is unknown."""
    if device.memory is None:
        return None
    if device.gpu:
        return device.memory * (1 - SPARE) - LIBRARIES[True]
    return device.memory * (1 - SPARE) / (device.ranks // device.nodes)


def within(how: Setting, room: float, memory_of: MemoryOf, *, length: float, limit: int | None = None) -> Fit | None:
    """The first recomputation of ``WAYS`` with which ``ENOUGH`` tokens fit, else the one with most; None if none fits.

    ``length`` is tokens per row; more than ``limit`` rows per forward pass are of no use.
    """
    wanted = min(how.mine, limit or how.mine, max(1, int(ENOUGH // length)))
    best: Fit | None = None
    for way in WAYS:
        fit = largest(replace(how, recompute=way), room, memory_of, limit or how.mine)
        if fit and fit.how.together >= wanted:
            return fit
        if fit and (best is None or fit.how.together > best.how.together):
            best = fit
    return best


def largest(how: Setting, room: float, memory_of: MemoryOf, limit: int) -> Fit | None:
    """The layout with most rows per forward pass that fits, at most ``limit``."""
    for each in sizes(how.mine, limit):
        tried = replace(how, each=each)
        memory = memory_of(tried)
        if memory.peak <= room:
            return Fit(tried, memory)
    return None


def sizes(rows: int, limit: int) -> Iterator[int]:
    """Rows per forward pass with one, two, three, ... passes; each number once, at most ``limit``."""
    before = 0
    for parts in range(1, rows + 1):
        each = -(-rows // parts)
        if each != before and each <= limit:
            yield each
        before = each


def fewest(how: Setting, room: float, memory_of: MemoryOf, *, length: float) -> Fit | None:
    """The layout on the smallest number of GPUs that shard the weights; None if the batch has too few rows."""
    for count in COUNTS:
        if count > how.rows:
            return None
        fit = within(replace(how, ranks=count, shard=count), room, memory_of, length=length)
        if fit:
            return fit
    return None
