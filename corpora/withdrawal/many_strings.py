"""Searches bytes for many strings, in a time that hardly depends on how many there are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import numpy as np

from domain.jsonlines import line

ANCHOR = 2  # bytes by which places are picked out at once
ID = re.compile(rb'"id": ?("(?:[^"\\]|\\.)*")')


class ManyStrings:
    """Strings to look for, by how they begin: as many bytes as the shortest of them has, at most 16."""

    def __init__(self, wanted: Iterable[bytes]) -> None:
        self.wanted = sorted({each for each in wanted if len(each) >= ANCHOR})
        self.longest = max(map(len, self.wanted), default=0)
        self.width = min(16, min(map(len, self.wanted), default=0))
        self.by_begin: dict[bytes, dict[int, set[bytes]]] = {}  # begin -> length -> strings
        self.anchors = np.zeros(1 << 16, bool)
        for each in self.wanted:
            self.by_begin.setdefault(each[: self.width], {}).setdefault(len(each), set()).add(each)
            self.anchors[each[0] | each[1] << 8] = True
        # Only these first bytes of 4 are looked up one by one, since two are common in any text.
        self.fours = np.array(sorted({int.from_bytes(each[:4], "little") for each in self.wanted if len(each) >= 4}))

    def within(self, data: bytes) -> bool:
        """Whether any of the strings stands in the data."""
        if not self.wanted or len(data) < self.width:
            return False
        codes = np.frombuffer(data, np.uint8).astype(np.uint32)
        at = np.flatnonzero(self.anchors[codes[:-1] | codes[1:] << 8])
        if self.width >= 4:
            at = at[at <= len(data) - 4]
            fours = codes[at] | codes[at + 1] << 8 | codes[at + 2] << 16 | codes[at + 3] << 24
            at = at[np.isin(fours, self.fours)]
        for place in at.tolist():
            for length, strings in self.by_begin.get(data[place : place + self.width], {}).items():
                if data[place : place + length] in strings:
                    return True
        return False


class RowsById:
    """Which lines of JSON are rows of any of these ids; the others are not parsed."""

    def __init__(self, ids: Collection[str]) -> None:
        self.marks = {line({"id": name})[6:-2] for name in ids}

    def may_be(self, text: bytes) -> bool:
        """Whether a line may be a row of one of them: an id in it, at any depth, is one of theirs."""
        return any(mark in self.marks for mark in ID.findall(text))
