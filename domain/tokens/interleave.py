"""Interleave sources by their shares in closed form, so that any row is found without reading the others."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from itertools import count

UNIT = 40  # bits of a share: one row in 10^12


class Node:
    """A node that deals ``share`` of its rows to ``left`` and the rest to ``right``; a leaf is a stream's index.

    Of the first n rows, round(n share) are the left's. Integers alone, so that every machine deals alike.
    """

    def __init__(self, left: Node | int, right: Node | int, share: float) -> None:
        self.left, self.right, self.share = left, right, round(share * 2**UNIT)

    def left_of(self, rows: int) -> int:
        """How many of the first ``rows`` rows are the left's."""
        return int((rows * self.share + 2 ** (UNIT - 1)) >> UNIT)


def tree(shares: Sequence[float]) -> Node | int:
    """Huffman's tree over the shares above zero (they need not add up to 1).

    Rounding errs by half a row at each node and is passed on in proportion. In this tree the weights on a leaf's path
    grow at least as Fibonacci's numbers do, so that no stream is ever more than (1 + 1 + 1/2 + 1/3 + 1/5 + ...) / 2 =
    1.68 rows from its share, however many there are.
    """
    order = count()
    heap: list[tuple[float, int, Node | int]] = [(s, next(order), i) for i, s in enumerate(shares) if s > 0]
    heapq.heapify(heap)
    while len(heap) > 1:
        small, _, right = heapq.heappop(heap)
        large, _, left = heapq.heappop(heap)
        heapq.heappush(heap, (small + large, next(order), Node(left, right, large / (small + large))))
    return heap[0][2]


class Turns:
    """Rows dealt to streams, by shares that change at stated rows.

    ``stretches`` are (first row, shares of the streams from there on), the first row 0 and then rising.
    """

    def __init__(self, stretches: Sequence[tuple[int, Sequence[float]]]) -> None:
        self.streams = len(stretches[0][1])
        self.starts, self.trees = list[int](), list[Node | int]()
        self.taken = list[list[int]]()  # by stretch, the rows of each stream before it
        for start, shares in stretches:
            self.add(start, shares)

    def add(self, start: int, shares: Sequence[float]) -> None:
        """From row ``start`` on, deal by these shares."""
        self.taken.append(self.counts(start) if self.starts else [0] * self.streams)
        self.starts.append(start)
        self.trees.append(tree(shares))

    def counts(self, rows: int) -> list[int]:
        """How many of the first ``rows`` rows each stream gets."""
        stretch = bisect_right(self.starts, rows) - 1
        counts = list(self.taken[stretch])
        waiting = [(self.trees[stretch], rows - self.starts[stretch])]
        while waiting:
            node, number = waiting.pop()
            if isinstance(node, int):
                counts[node] += number
            else:
                left = node.left_of(number)
                waiting += [(node.left, left), (node.right, number - left)]
        return counts

    def of(self, row: int) -> tuple[int, int]:
        """The stream of a row and the row's running number there: a microsecond, however many rows there are."""
        stretch = bisect_right(self.starts, row) - 1
        node, number = self.trees[stretch], row - self.starts[stretch]
        while isinstance(node, Node):
            left = node.left_of(number)
            node, number = (node.left, left) if node.left_of(number + 1) > left else (node.right, number - left)
        return node, number + self.taken[stretch][node]


def capped(shares: Sequence[float], limits: Sequence[int], rows: int) -> Turns:
    """Deal ``rows`` rows by ``shares``; a stream that reaches its limit leaves the rest to the others.

    ``sum(limits)`` of the streams above zero must reach ``rows``.
    """
    turns, left = Turns([(0, shares)]), shares

    def over(number: int) -> list[bool]:
        return [have > limit for have, limit in zip(turns.counts(number), limits, strict=True)]

    while True:
        low, high = turns.starts[-1], rows
        while low < high:  # the last moment at which none has more than its most
            middle = (low + high + 1) // 2
            low, high = (low, middle - 1) if any(over(middle)) else (middle, high)
        if low == rows:
            return turns
        left = [0.0 if full else share for share, full in zip(left, over(low + 1), strict=True)]
        turns.add(low, left)
