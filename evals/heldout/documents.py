"""Selects the held-out documents to score, in an order drawn from their ids; long ones in part."""

from __future__ import annotations

import hashlib
from typing import Any

from domain.artifacts import Corpus
from domain.errors import UserError

SHARE = 100  # a document counts with up to a hundredth of the total, so that a few long ones do not dominate


def held_out(corpus: Corpus, part: str, limit: int, *, split: str = "test") -> list[dict[str, Any]]:
    """Documents of a held-out split, in an order drawn from their ids, up to ``limit`` UTF-8 bytes but at least one.

    A document longer than a hundredth of ``limit`` is cut to its beginning. ``bytes`` is the scored length, ``cut``
    whether that is less than the document. The order depends on the ids alone, so every run scores the same
    documents. Raises ``UserError`` if the split has no text.
    """
    longest = max(4, limit // SHARE)  # no character is longer
    order = []  # two passes over the files: a split may be larger than memory
    for number, document in enumerate(corpus.documents(split, part)):
        if size := min(longest, len(document["text"].encode())):
            order.append((hashlib.sha256(document["id"].encode()).digest(), number, size))
    if not order:
        raise UserError(f"corpus.holdout.{split}", f"holds no {part} document", "raise the share, or give more text")
    rank: dict[int, int] = {}
    total = 0
    for _, number, size in sorted(order):
        total += size
        if rank and total > limit:
            break
        rank[number] = len(rank)
    chosen = [(rank[n], shortened(d, longest)) for n, d in enumerate(corpus.documents(split, part)) if n in rank]
    return [document for _, document in sorted(chosen, key=lambda entry: entry[0])]


def shortened(document: dict[str, Any], longest: int) -> dict[str, Any]:
    """The document with at most ``longest`` bytes of text, cut between two characters."""
    whole = document["text"].encode()
    text = whole[:longest].decode(errors="ignore")
    return {**document, "text": text, "bytes": len(text.encode()), "cut": len(whole) > longest}
