"""Samples of documents, the same every time, and the beginnings of their texts: masked, on one line."""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import xxhash

from corpora.filters.masked_names import MASKED_NAME, digest
from corpora.filters.privacy import mask_all
from corpora.ledger.ledger import Row
from domain.jsonlines import read_lines

SAMPLE_LENGTH = 200  # characters that are shown
WINDOW, EDGE = 2_000, 100  # read for that; what may stand cut in two at the window's end is longer than 100 seldom
SPACES = re.compile(r"\s+")


def place(row: Row) -> tuple[int, str]:
    """Where a row stands in the order in which samples are drawn: by the hash of its id, so as good as at random."""
    return xxhash.xxh3_64_intdigest(row["id"].encode()), row["stage"]


def drawn(rows: Iterable[Row], count: int) -> list[Row]:
    """``count`` of the rows, the same ones for the same rows in any order; no more than these in memory."""
    return heapq.nsmallest(count, rows, key=place)


def plain(text: str) -> str:
    """Text on one line without what moves a cursor, turns the direction of writing, or cannot be written at all."""
    spaced = SPACES.sub(" ", text)
    return spaced if spaced.isascii() and spaced.isprintable() else "".join(filter(shows, spaced))


def shows(character: str) -> bool:
    """Whether a character is none of Unicode's "other": control, format, surrogate, private, unassigned."""
    return not unicodedata.category(character).startswith("C")


def excerpt(text: str) -> str:
    """How a text begins: at most 200 characters, privacy masked before they are cut."""
    masked = mask_all(text[:WINDOW])
    begin = plain(masked if len(text) <= WINDOW else masked[:-EDGE]).strip()
    return begin if len(begin) <= SAMPLE_LENGTH else f"{begin[: SAMPLE_LENGTH - 1]}…"


def excerpts(raw: Path, rows: Iterable[Row]) -> dict[str, str]:
    """By id, how the documents of these rows begin, as they came; of those without a text in ``raw``, nothing."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["shard"] is not None:
            wanted[row["shard"]].add(row["id"])
    by_id: dict[str, str] = {}
    for shard, names in sorted(wanted.items()):
        path, by_digest = raw / "documents" / shard, {match[1]: n for n in names if (match := MASKED_NAME.search(n))}
        for record in read_lines(path) if path.is_file() else ():
            own = record["id"]
            name = own if own in names or not by_digest else by_digest.get(digest(own), own)
            if name in names:
                by_id[name] = excerpt(record["text"])
    return by_id
