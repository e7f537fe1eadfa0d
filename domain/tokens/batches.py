"""Batch i is a pure function of (seed, i): the same text in the same order however often training is interrupted."""

from __future__ import annotations

import numpy as np

from domain.artifacts import Tokens
from domain.errors import Refusal
from domain.tokens.mixture import Mixture, assign
from domain.tokens.packing import Rows, Stream
from domain.tokens.shards import PARTS, Shard


class Batches:
    """Batches of ``rows`` rows of ``context`` tokens, read from the parts of ``tokens`` by ``mixture``."""

    def __init__(self, tokens: Tokens, mixture: Mixture, *, rows: int, context: int, batches: int, seed: int) -> None:
        self.rows, self.context, self.batches = rows, context, batches
        shares = mixture.shares
        self.streams = []
        for part in shares:
            shard = Shard(tokens.path / "train" / part)
            if shard.tokens <= rows * context:
                raise Refusal(
                    f"corpus.{part}",
                    f"{shard.tokens:,} tokens are left to train on, fewer than one batch of {rows * context:,}",
                    "add text, loosen corpus.filters, or lower the batch",
                )
            # The seed is the part's own, so that general text comes in the same order in every arm.
            self.streams.append(Stream(shard, context=context, seed=(seed, PARTS.index(part))))
        self.parts, self.numbers = assign(list(shares.values()), rows * batches)

    def __len__(self) -> int:
        """Batches."""
        return self.batches

    def __getitem__(self, index: int) -> Rows:
        """Batch ``index``: rows ``index * rows`` and following."""
        here = slice(index * self.rows, (index + 1) * self.rows)
        rows = [
            self.streams[part].row(int(number))
            for part, number in zip(self.parts[here], self.numbers[here], strict=True)
        ]
        return Rows(np.stack([tokens for tokens, _ in rows]), np.stack([segments for _, segments in rows]))

    def epochs(self) -> dict[str, float]:
        """How often each part is read in all, by part; more than about 4 teaches little (arXiv 2305.16264)."""
        counts = np.bincount(self.parts, minlength=len(self.streams))
        return {
            PARTS[stream.seed[1]]: float(count * stream.context / stream.shard.tokens)
            for count, stream in zip(counts, self.streams, strict=True)
        }
