"""Paragraphs that many documents share, such as the legal text of filings: counted, kept once, cut elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xxhash

from corpora.dedup import Passages
from corpora.dedup.exact import normalised

# Where a text has a longer line than this, each line is a paragraph; else its lines are wrapped. Annual reports hold
# 14% of repeated text by line and 1% by blank line, which they hardly use; newswire wraps at 70, and half a sentence
# that is cut out of it would be a wound.
WRAPPED = 100
NOBODY = np.uint64(2**64 - 1)


def paragraphs(text: str) -> list[str]:
    """The text in pieces that join to it: lines, or where they are wrapped, what a blank line or an indent begins."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    if max(map(len, lines)) > WRAPPED:
        return lines
    pieces: list[list[str]] = []
    blank = True
    for line in lines:
        empty = not line.strip()
        if not pieces or (not empty and (blank or line[0].isspace())):
            pieces.append([])
        pieces[-1].append(line)
        blank = empty
    return ["".join(piece) for piece in pieces]


def hashes(pieces: Sequence[str], words: int) -> Iterator[tuple[int, int]]:
    """(place, XXH3 of 64 bits) of each piece of at least ``words`` words, with case and white space folded."""
    long = [place for place, piece in enumerate(pieces) if len(piece) >= 2 * words - 1]
    for place, folded in zip(long, normalised([pieces[place] for place in long]), strict=True):
        if bytes(folded).count(b" ") >= words - 1:
            yield place, xxhash.xxh3_64_intdigest(folded)


def passage_hashes(texts: Sequence[str], spec: Passages, begin: int = 0) -> np.ndarray:
    """uint64 [paragraphs, 2]: the text's number, counted from ``begin``, and the hash of each paragraph that counts."""
    pieces, numbers = list[str](), list[int]()
    for number, text in enumerate(texts, begin):
        several = paragraphs(text)
        pieces += several
        numbers += [number] * len(several)
    hashed = [(numbers[place], value) for place, value in hashes(pieces, spec.words)]
    return np.array(hashed, dtype=np.uint64).reshape(-1, 2)


def repeated(marked: np.ndarray, order: np.ndarray, spec: Passages) -> np.ndarray:
    """uint64 [paragraphs, 2], sorted: the hash of each one that stands in two places, and which document keeps it.

    ``marked`` are the ``marks`` of all documents that stay, ``order`` (int64 [documents]) says which is earliest. What
    more than ``spec.most`` documents hold is kept by ``NOBODY``.
    """
    documents = marked[:, 0].astype(np.int64)
    places = np.lexsort((order[documents], marked[:, 1]))
    values, documents = marked[places, 1], documents[places]
    opens = np.concatenate(([True], values[1:] != values[:-1]))[: len(values)]
    changes = opens | np.concatenate(([True], documents[1:] != documents[:-1]))[: len(values)]
    first = np.flatnonzero(opens)
    keepers = documents[first].astype(np.uint64)
    if len(first) and spec.most is not None:
        keepers[np.add.reduceat(changes.astype(np.int64), first) > spec.most] = NOBODY
    several = np.diff(np.concatenate((first, [len(values)]))) > 1
    several |= keepers == NOBODY
    return np.stack((values[first], keepers), axis=1)[several]


def cut(text: str, spec: Passages, twice: np.ndarray, number: int) -> tuple[str, int]:
    """(document ``number`` without the paragraphs in ``twice`` that it does not keep, how many went)."""
    pieces = paragraphs(text)
    gone, first = set[int](), set[int]()
    for place, value in hashes(pieces, spec.words):
        row = int(np.searchsorted(twice[:, 0], np.uint64(value)))
        if row == len(twice) or int(twice[row, 0]) != value:
            continue
        if int(twice[row, 1]) == number and value not in first:
            first.add(value)
        else:
            gone.add(place)
    if not gone:
        return text, 0
    return "".join(piece for place, piece in enumerate(pieces) if place not in gone).strip(), len(gone)
