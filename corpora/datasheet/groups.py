"""Counts by group in bounded memory: source, year, language, licence, reason; and lengths in fixed bins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

MOST_GROUPS = 1_000  # groups of a kind; hostile text may state a licence or language of its own in each document
OTHERS = "(others)"


class Groups:
    """A counter of named numbers for each key; what comes after the first 1,000 keys is counted together."""

    def __init__(self) -> None:
        self.counts: dict[Hashable, Counter[str]] = {}

    def add(self, key: Hashable, /, **numbers: int) -> None:
        """Add numbers to a group's; a number may be named ``key``, as privacy names secrets."""
        if key not in self.counts and len(self.counts) >= MOST_GROUPS:
            key = (OTHERS,) * len(key) if isinstance(key, tuple) else OTHERS
        self.counts.setdefault(key, Counter()).update(numbers)

    def rows(self, *names: str, by: Callable[[Any], Any] | None = None) -> list[dict[str, Any]]:
        """A row for each group: its key under ``names``, then its numbers; sorted by key, or by ``by`` of the row."""
        rows = []
        for key, numbers in sorted(self.counts.items(), key=lambda item: tuple(map(str, keys(item[0])))):
            rows.append({**dict(zip(names, keys(key), strict=True)), **numbers})
        return sorted(rows, key=by) if by else rows

    def total(self) -> Counter[str]:
        """The numbers of all groups together."""
        return sum(self.counts.values(), Counter())


def keys(key: Hashable) -> tuple[Hashable, ...]:
    """A group's key as a tuple."""
    return key if isinstance(key, tuple) else (key,)


class Lengths:
    """How many documents are of each length, in bins that double: 1, 2 to 3, 4 to 7, ...; bin 0 is of length 0."""

    def __init__(self) -> None:
        self.bins = [0] * 48

    def add(self, length: int) -> None:
        """Count one document."""
        self.bins[min(length.bit_length(), len(self.bins) - 1)] += 1


def bins(**lengths: Lengths) -> list[dict[str, int]]:
    """{from, to, and a count under each name} for each bin from the first to the last that is not empty."""
    filled = [place for each in lengths.values() for place, count in enumerate(each.bins) if count]
    return [
        {
            "from": 1 << place >> 1,
            "to": (1 << place) - 1,
            **{name: each.bins[place] for name, each in lengths.items()},
        }
        for place in range(min(filled), max(filled) + 1)
    ] if filled else []  # fmt: skip
