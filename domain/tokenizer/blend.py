"""Stream a blend of general and domain text in given proportions (bytes), to train and measure tokenizers on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.artifacts import PARTS, Corpus
from domain.errors import UserError

# Characters. A longer document is read in passages: the blend is then exact to 32 kB of each source, and a trainer,
# which needs some 50 bytes for each of a text that it splits, stays small on a book of 100 MB.
PASSAGE = 1 << 16
BORDER = re.compile(r"(?<=\S)\s")

SourceBytes = dict[str, dict[str, int]]


def source_bytes(corpus: Corpus, split: str) -> SourceBytes:
    """UTF-8 bytes of a split by part and source: {part: {source: bytes}}. Reads the split once."""
    sizes: SourceBytes = {part: {} for part in PARTS}
    for part, by_source in sizes.items():
        for document in corpus.documents(split, part):
            by_source[document["source"]] = by_source.get(document["source"], 0) + len(document["text"].encode())
    return sizes


def blend(
    corpus: Corpus, *, domain: float, sample: int, weights: Mapping[str, float] | None = None, split: str = "train"
) -> Iterator[str]:
    """Texts until ``sample`` UTF-8 bytes, a share ``domain`` of them domain; one document is in memory.

    Within a part a source counts by its bytes times its factor in ``weights`` (1 where it has none; 0 leaves it out),
    and its text is taken evenly from its first document to its last. Where a part holds less than its due, all of
    it is taken and the other part keeps the ratio. Where a source does, all of it is taken and the others of its part
    share the rest in their own ratio. Raises ``UserError`` for an empty part and for an unknown source.
    """
    sizes, weights = source_bytes(corpus, split), weights or {}
    budgets = source_budgets(sizes, {"domain": domain, "general": 1.0 - domain}, sample, weights)
    for part in PARTS:
        for _, text in evenly(corpus.documents(split, part), budgets[part], sizes[part]):
            yield text


def source_budgets(
    sizes: SourceBytes, shares: Mapping[str, float], sample: int, weights: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """The bytes to take of each source: {part: {source: bytes}}."""
    sources = sorted({source for part in sizes.values() for source in part})
    if unknown := sorted(set(weights) - set(sources)):
        problem = f"the corpus has no source {unknown[0]}"
        raise UserError("tokenizer.weights", problem, f"name one of {', '.join(sources) or 'none'}")
    open_ = {part: {s: size for s, size in sizes[part].items() if weights.get(s, 1.0) > 0} for part in sizes}
    due = [part for part, share in shares.items() if share > 0]
    for part in due:
        if not sum(open_[part].values()):
            lost = " once sources of weight 0 are left out" if sum(sizes[part].values()) else ""
            other = next(name for name in PARTS if name != part)
            raise UserError(
                "tokenizer.domain_share",
                f"the blend asks for {shares[part]:.0%} {part} text and the corpus has none{lost}",
                f"give {part} text, or fit on {other} text alone: tokenizer.domain_share {1.0 * (other == 'domain')}",
            )
    total = min([float(sample), *(sum(open_[part].values()) / shares[part] for part in due)])
    return {part: allocate(open_[part], weights, total * shares[part]) for part in sizes}


def allocate(sizes: Mapping[str, int], weights: Mapping[str, float], total: float) -> dict[str, float]:
    """``total`` bytes over sources in the ratio bytes times factor, none above what it has."""
    budgets: dict[str, float] = {}
    rest = {source: size * weights.get(source, 1.0) for source, size in sizes.items()}
    while rest:
        level = max(0.0, total - sum(budgets.values())) / sum(rest.values())
        short = [source for source, weighted in rest.items() if level * weighted >= sizes[source]]
        if not short:
            return {**budgets, **{source: level * weighted for source, weighted in rest.items()}}
        for source in short:
            budgets[source] = float(sizes[source])
            del rest[source]
    return budgets


def evenly(
    documents: Iterator[dict[str, Any]], budgets: Mapping[str, float], sizes: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """(source, passage) of each source until its budget, evenly from its first document to its last."""
    passed, taken = dict.fromkeys(sizes, 0), dict.fromkeys(sizes, 0)
    for document in documents:
        source = document["source"]
        if not budgets.get(source):
            continue
        for passage in passages(document["text"]):
            size = len(passage.encode())
            passed[source] += size
            # Taken whenever the even line through the source is ahead of what was taken of it.
            if taken[source] + size / 2 <= budgets[source] * passed[source] / sizes[source]:
                taken[source] += size
                yield source, passage


def passages(text: str) -> Iterator[str]:
    """The text in parts of at most ``PASSAGE`` characters, cut where a word ends if one does."""
    start = 0
    while len(text) - start > PASSAGE:
        # Whitespace after a word begins the next part, as it begins the next word for the tokenizer.
        borders = [match.start() for match in BORDER.finditer(text, start + PASSAGE - 1000, start + PASSAGE)]
        end = borders[-1] if borders else start + PASSAGE
        yield text[start:end]
        start = end
    if start < len(text) or not start:
        yield text[start:]
