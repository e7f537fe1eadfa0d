"""Find a layout that fits in memory: micro-batch, recomputation, and the smallest number of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from domain.cost.device import Device
from domain.planning.memory import LIBRARIES, Memory, Setting

WAYS = ("none", "selective", "full")
ENOUGH = 4_096  # tokens in a forward pass; with fewer, a GPU's products are too small, and recomputing costs less
SPARE = 0.08  # of the memory, for what allocators cannot use
COUNTS = (1, 2, 4, *range(8, 1_025, 8))

MemoryOf = Callable[[Setting], Memory]


@dataclass(frozen=True)
class Fit:
    """A layout that fits, and what it holds."""

    how: Setting
    memory: Memory


def room_of(device: Device) -> float | None:
    """Bytes that a process which learns may hold; None where the device's memory is not known."""
    if device.memory is None:
        return None
    if device.gpu:
        return device.memory * (1 - SPARE) - LIBRARIES[True]
    return device.memory * (1 - SPARE) / (device.ranks // device.nodes)


def within(how: Setting, room: float, memory_of: MemoryOf, *, length: float, limit: int | None = None) -> Fit | None:
    """The first way of ``WAYS`` in which ``ENOUGH`` tokens fit, at its largest micro-batch; else the largest of all.

    ``length`` is that of a row, ``limit`` the rows of a forward pass beyond which nothing is gained. None: none fits.
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
    """The most rows in a forward pass that fit, at most ``limit``."""
    for each in sizes(how.mine, limit):
        tried = replace(how, each=each)
        memory = memory_of(tried)
        if memory.peak <= room:
            return Fit(tried, memory)
    return None


def sizes(rows: int, limit: int) -> Iterator[int]:
    """Rows in a forward pass if they go through in one, two, three, ... of them; each number once."""
    before = 0
    for parts in range(1, rows + 1):
        each = -(-rows // parts)
        if each != before and each <= limit:
            yield each
        before = each


def fewest(how: Setting, room: float, memory_of: MemoryOf, *, length: float) -> Fit | None:
    """The same on the smallest number of GPUs that share the weights; None where the batch has too few rows."""
    for count in COUNTS:
        if count > how.rows:
            return None
        fit = within(replace(how, ranks=count, shard=count), room, memory_of, length=length)
        if fit:
            return fit
    return None
