"""Which held-out documents are scored: drawn from their ids, long ones in part."""

from __future__ import annotations

import hashlib
from typing import Any

from domain.artifacts import Corpus
from domain.errors import UserError

SHARE = 100  # a document is scored up to a hundredth of what is scored in all, so that no few long ones stand for all


def held_out(corpus: Corpus, part: str, most: int, *, split: str = "test") -> list[dict[str, Any]]:
    """Documents of a held-out split, in an order drawn from their ids, up to ``most`` UTF-8 bytes (at least one).

    Of a document longer than a hundredth of ``most`` its beginning is taken. ``bytes`` says how much is scored,
    ``cut`` whether that is less than the document. The order depends on the ids alone, so that the same documents
    are asked about in every run. Raises ``UserError`` where the split holds no text.
    """
    longest = max(4, most // SHARE)  # no character is longer
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
        if rank and total > most:
            break
        rank[number] = len(rank)
    chosen = [(rank[n], shortened(d, longest)) for n, d in enumerate(corpus.documents(split, part)) if n in rank]
    return [document for _, document in sorted(chosen, key=lambda entry: entry[0])]


def shortened(document: dict[str, Any], longest: int) -> dict[str, Any]:
    """The document with at most ``longest`` bytes of text, cut between two characters."""
    whole = document["text"].encode()
    text = whole[:longest].decode(errors="ignore")
    return {**document, "text": text, "bytes": len(text.encode()), "cut": len(whole) > longest}
