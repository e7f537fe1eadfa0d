"""What fits: the largest micro-batch with the least recomputation, and how many GPUs are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from domain.cost.device import Device
from domain.planning.memory import LIBRARIES, Memory, Setting

WAYS = ("none", "selective", "full")
ENOUGH = 4_096  # tokens in a forward pass; with fewer, a GPU's products are too small, and recomputing costs less
SPARE = 0.08  # of the memory, for what allocators cannot use
COUNTS = (1, 2, 4, *range(8, 1_025, 8))

Held = Callable[[Setting], Memory]


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


def within(how: Setting, room: float, held: Held, *, length: float, most: int | None = None) -> Fit | None:
    """The first way of ``WAYS`` in which ``ENOUGH`` tokens fit, at its largest micro-batch; else the largest of all.

    ``length`` is that of a row, ``most`` the rows of a forward pass beyond which nothing is gained. None: none fits.
    """
    wanted = min(how.mine, most or how.mine, max(1, int(ENOUGH // length)))
    best: Fit | None = None
    for way in WAYS:
        found = largest(replace(how, recompute=way), room, held, most or how.mine)
        if found and found.how.together >= wanted:
            return found
        if found and (best is None or found.how.together > best.how.together):
            best = found
    return best


def largest(how: Setting, room: float, held: Held, most: int) -> Fit | None:
    """The most rows in a forward pass that fit, at most ``most``."""
    for each in sizes(how.mine, most):
        tried = replace(how, each=each)
        memory = held(tried)
        if memory.peak <= room:
            return Fit(tried, memory)
    return None


def sizes(rows: int, most: int) -> Iterator[int]:
    """Rows in a forward pass if they go through in one, two, three, ... of them; each number once."""
    before = 0
    for parts in range(1, rows + 1):
        each = -(-rows // parts)
        if each != before and each <= most:
            yield each
        before = each


def fewest(how: Setting, room: float, held: Held, *, length: float) -> Fit | None:
    """The same on the smallest number of GPUs that share the weights; None where the batch has too few rows."""
    for count in COUNTS:
        if count > how.rows:
            return None
        found = within(replace(how, ranks=count, shard=count), room, held, length=length)
        if found:
            return found
    return None
