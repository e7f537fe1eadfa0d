"""Cuts passages out of a text, each with the whole sentence or line around it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from corpora.document import clean

SENTENCE_END = re.compile(r"[.!?][\"')\]’”]*\s+|[。！？]|\n")


def without(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, int]:
    """(text without the sentences or lines in which these spans stand, how many passages went); spans in characters."""
    starts, ends = np.array(list(spans), np.int64).reshape(-1, 2).T
    breaks = np.array([0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)])
    lows = breaks[np.searchsorted(breaks, starts, side="right") - 1]
    highs = breaks[np.searchsorted(breaks, ends, side="left")]
    pieces, stop, count = [], 0, 0
    for low, high in sorted(zip(lows.tolist(), highs.tolist(), strict=True)):
        if low > stop or not count:
            pieces.append(text[stop:low])
            count += 1
        stop = max(stop, high)
    return clean("".join([*pieces, text[stop:]])), count
