"""Which layout is chosen, where memory is stated by hand."""

from __future__ import annotations

import pytest

from domain.cost.device import Device
from domain.planning.layouts import fewest, room_of, sizes, within
from domain.planning.memory import Memory, Setting

HELD = {"none": 100.0, "selective": 60.0, "full": 10.0}  # bytes a row
HOW = Setting(rows=64, each=1, gpu=True, bf16=True)


def memory(how: Setting) -> Memory:
    """1,000 bytes over the ranks, and so much for each row."""
    return Memory({}, plain=1_000 / how.shard + HELD[how.recompute] * how.together, sure=0.0, host=0.0)


@pytest.mark.parametrize(
    ("room", "recompute", "together"),
    [
        (10_000, "none", 64),  # 1,000 + 64 x 100
        (7_399, "none", 32),  # not all at once; in two passes
        (1_500, "none", 4),  # 5 would fit, and 64 rows go in 16 passes of 4, or in 13 of 5
        (1_399, "selective", 6),  # 3 rows are too few: 4 are wanted
        (1_100, "full", 10),
        (1_010, "full", 1),
    ],
)
def test_least_recomputation_that_lets_enough_through(room: float, recompute: str, together: int) -> None:
    found = within(HOW, room, memory, length=1_024)  # so 4 rows are enough
    assert found is not None
    assert found.how.recompute == recompute
    assert found.memory.peak <= room
    assert found.how.together == max(each for each in sizes(64, 64) if 1_000 + HELD[recompute] * each <= room)
    assert found.how.together >= min(together, 4)


def test_nothing_fits() -> None:
    assert within(HOW, 1_009, memory, length=1_024) is None


def test_more_gpus_hold_less_each() -> None:
    # 1,000 / 2 + 10 x 4 <= 590 is the first that lets 4 rows through; 1,000 / 4 + 60 x 4 comes with less, on more
    found = fewest(HOW, 590, memory, length=1_024)
    assert found is not None
    assert (found.how.ranks, found.how.shard, found.how.recompute) == (2, 2, "full")
    found = fewest(HOW, 499, memory, length=1_024)
    assert found is not None
    assert (found.how.ranks, found.how.recompute) == (4, "selective")
    assert fewest(HOW, 5, memory, length=1_024) is None  # 64 rows for 64 GPUs at most, and each holds 10


def test_the_room_of_a_process() -> None:
    gpu = Device(gpu=True, name="H100", memory=80e9, bf16=True, ranks=8)
    assert room_of(gpu) == pytest.approx(0.92 * 80e9 - 0.8e9)  # allocator and context
    cpu = Device(gpu=False, name="cpu", memory=16e9, bf16=False, ranks=4, nodes=2)
    assert room_of(cpu) == pytest.approx(0.92 * 16e9 / 2)  # two processes on either machine
    assert room_of(Device(gpu=True, name="?", memory=None, bf16=True)) is None
