"""A pass over the encoded text: tokens by source, year and language, lengths, mentions of groups of people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from corpora.datasheet.groups import Lengths
from corpora.datasheet.ledger_counts import LedgerCounts, year
from corpora.ledger.ledger import PartSource
from corpora.metadata.licence import normal
from domain.artifacts import PARTS, Corpus, Tokens
from domain.text.group_mentions import GROUPS, mentions
from domain.text.words import Split
from domain.tokens.shards import SPLITS, Shards

BATCH = 2_000_000  # characters that are split into words together: annual reports have as many, newswire 800


def encoded(corpus: Corpus, tokens: Tokens) -> Iterator[tuple[str, dict[str, Any], int]]:
    """(part, document, its tokens) of train and validation; tokens lie in the order of the corpus's documents."""
    for split in SPLITS:
        for part in PARTS:
            lengths = Shards(tokens.path / split, part).lengths
            for document, length in zip(corpus.documents(split, part), lengths, strict=True):
                yield part, document, int(length)


def batches(stream: Iterator[tuple[str, dict[str, Any], int]]) -> Iterator[list[tuple[str, dict[str, Any], int]]]:
    """Documents in lists of about ``BATCH`` characters."""
    batch, size = [], 0
    for each in stream:
        batch.append(each)
        size += len(each[1]["text"])
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def count_tokens(corpus: Corpus, tokens: Tokens, tally: LedgerCounts) -> tuple[Lengths, list[dict[str, Any]]]:
    """Add ``tokens`` to the groups of ``tally``; the lengths in tokens, and mentions of groups by source."""
    lengths, words = Lengths(), Counter[PartSource]()
    totals = defaultdict[PartSource, Any](lambda: np.zeros(len(GROUPS), np.int64))
    for batch in batches(encoded(corpus, tokens)):
        for part, document, length in batch:
            tally.sources.add((part, document["source"]), tokens=length)
            tally.years.add(year(document["date"]), tokens=length)
            tally.languages.add(document["language"] or "unknown", tokens=length)
            tally.licences.add(normal(document["licence"] or "unknown"), tokens=length)
            lengths.add(length)
        split = Split([document["text"] for _, document, _ in batch])
        for (part, document, _), mentioned, size in zip(batch, mentions(split), np.diff(split.offsets), strict=True):
            totals[part, document["source"]] += mentioned
            words[part, document["source"]] += int(size)
    return lengths, [
        {"part": of[0], "source": of[1], "words": words[of], "mentions": named(counts)}
        for of, counts in sorted(totals.items())
    ]


def named(counts: np.ndarray) -> dict[str, int]:
    """The groups that are mentioned, with how often."""
    return {group: int(count) for group, count in zip(GROUPS, counts, strict=True) if count}
