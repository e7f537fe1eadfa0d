"""Batch i is a pure function of (seed, i): the same text in the same order however often training is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from domain.artifacts import PARTS, Tokens
from domain.errors import UserError
from domain.tokens.bestfit import BestFit
from domain.tokens.interleave import Turns, capped
from domain.tokens.mixture import REPEATS, Mixture
from domain.tokens.one_per_row import Separate
from domain.tokens.packing import Packed, Packing, Rows, SourceDocuments, Stream
from domain.tokens.shards import Shards

ENDLESS = 2**62  # rows that a source without a cap may give
PACKINGS: dict[str, Callable[..., Packed]] = {"stream": Stream, "best_fit": BestFit, "separate": Separate}


class Batches:
    """Batches of ``rows`` rows of ``context`` tokens, read from the sources of ``tokens`` by ``mixture``.

    A row's part is found from its number, its source from its number within the part, its tokens from its number
    within the source: nothing is kept from batch to batch, and a training resumes from one integer. In memory are
    some 50 bytes a document, among them their order in the epoch that is read.
    """

    def __init__(
        self,
        tokens: Tokens,
        mixture: Mixture,
        *,
        rows: int,
        context: int,
        batches: int,
        seed: int,
        packing: Packing = "stream",
    ) -> None:
        self.rows, self.context, self.batches = rows, context, batches
        self.again = partial(
            Batches, tokens, mixture, rows=rows, context=context, batches=batches, seed=seed, packing=packing
        )
        folder = tokens.path / "train"
        opened = {part: Shards(folder, part) for part in (PARTS if mixture.weights else mixture.shares)}
        check_names(mixture, opened)
        self.turns = Turns([(batch * rows, shares) for batch, shares in mixture.schedule(batches)])
        self.read: dict[str, tuple[list[Packed], Turns, list[int]]] = {}
        for part, count in zip(PARTS, self.turns.counts(rows * batches), strict=True):
            if part in mixture.shares:
                found = sources(opened[part], part, mixture)
                held = sum(source.tokens for source, _ in found)
                if held <= rows * context:
                    raise UserError(
                        f"corpus.{part}",
                        f"{held:,} tokens are left to train on, fewer than one batch of {rows * context:,}",
                        "add text, loosen corpus.filters, or lower the batch",
                    )
                packed = [PACKINGS[packing](source, context=context, seed=seed) for source, _ in found]
                shares = [share for _, share in found]
                most = [ENDLESS if mixture.max_epochs is None else each.rows(mixture.max_epochs) for each in packed]
                if sum(most) < count:
                    raise UserError(
                        "training.mixture.max_epochs",
                        f"{count * context:,} tokens are to be read from {part} text, whose {held:,} tokens, "
                        f"{mixture.max_epochs:g} times at most, give {sum(most) * context:,}",
                        "raise it, add text, lower the part's share, or train on fewer tokens",
                    )
                turns = capped(shares, most, count)
                self.read[part] = packed, turns, turns.counts(count)

    def __len__(self) -> int:
        """Batches."""
        return self.batches

    def __getitem__(self, index: int) -> Rows:
        """Batch ``index``: rows ``index * rows`` and following."""
        return self.part(index, 0, 1)

    def part(self, index: int, rank: int, ranks: int) -> Rows:
        """What process ``rank`` of ``ranks`` reads of batch ``index``: a block of its rows, equal to within one.

        A block, since every n-th row could be from one part only. The blocks in order of rank are the batch.
        """
        if not (0 <= index < self.batches and 0 <= rank < ranks):
            raise IndexError(f"batch {index} of {self.batches}, rank {rank} of {ranks}")
        if ranks > self.rows:
            raise UserError("training.batch", f"has {self.rows} rows for {ranks} processes", "raise it")
        first, last = (index * self.rows + self.rows * each // ranks for each in (rank, rank + 1))
        tokens = np.empty((last - first, self.context + 1), dtype=np.int64)
        segments = np.empty_like(tokens)
        for place, row in enumerate(range(first, last)):
            part, within = self.turns.of(row)
            packed, turns, _ = self.read[PARTS[part]]
            source, number = turns.of(within)
            packed[source].write(number, tokens[place], segments[place])
        return Rows(tokens, segments)

    def names(self, index: int) -> list[str]:
        """``part/source: id`` of every document that batch ``index`` reads, in order."""
        found = dict[str, None]()
        spare = np.empty((2, self.context + 1), dtype=np.int64)
        for row in range(index * self.rows, (index + 1) * self.rows):
            part, within = self.turns.of(row)
            packed, turns, _ = self.read[PARTS[part]]
            stream, number = turns.of(within)
            heard = copy(packed[stream])
            heard.source = RecordingSource(packed[stream].source, found)  # type: ignore[assignment]
            heard.write(number, *spare)
        return list(found)

    def __reduce__(self) -> tuple[Callable[..., Batches], tuple[()]]:
        """To a worker goes what was asked, not the text: it opens the shards itself."""
        return self.again, ()

    def each(self) -> Iterator[tuple[str, Packed, int]]:
        """(Part, source as rows, rows that are read of it) of every source with a share."""
        for part, (packed, _, counts) in self.read.items():
            for source, count in zip(packed, counts, strict=True):
                yield part, source, count

    def epochs(self) -> dict[str, float]:
        """How often each part is read in all, by part: tokens read over tokens held."""
        totals: dict[str, list[float]] = {part: [0.0, 0] for part in self.read}
        for part, packed, count in self.each():
            totals[part][0] += packed.epochs(count) * packed.source.tokens
            totals[part][1] += packed.source.tokens
        return {part: read / held for part, (read, held) in totals.items()}

    def source_epochs(self) -> dict[str, dict[str, float]]:
        """How often each source is read in all, by part and name."""
        found: dict[str, dict[str, float]] = {part: {} for part in self.read}
        for part, packed, count in self.each():
            found[part][packed.source.name] = packed.epochs(count)
        return found

    def warnings(self) -> list[str]:
        """A line for each source that is read more than 4 times; that teaches little (arXiv 2305.16264)."""
        return [
            f"source {name} ({part}): its {packed.source.tokens:,} tokens are read {packed.epochs(count):.1f} times; "
            f"more than {REPEATS} teach little: lower its weight, set max_epochs, or add text"
            for part, packed, count in self.each()
            if packed.epochs(count) > REPEATS
            for name in [packed.source.name]
        ]

    def packed(self) -> dict[str, Any]:
        """``truncated``: share of the documents read that are not whole in one row; ``padding``: of positions.

        Measured on the first epoch of each source; sources count by how often they are read.
        """
        documents = [packed.epochs(count) * len(packed.source.lengths) for _, packed, count in self.each()]
        counts = [count for _, _, count in self.each()]
        every = [packed for _, packed, _ in self.each()]
        return {
            "truncated": float(np.average([packed.truncated for packed in every], weights=documents)),
            "padding": float(np.average([packed.padding for packed in every], weights=counts)),
        }


class RecordingSource:
    """A source that notes in ``found`` which of its documents are asked for."""

    def __init__(self, source: SourceDocuments, found: dict[str, None]) -> None:
        self.source, self.found = source, found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def document(self, number: int) -> np.ndarray:
        """The ids of its document ``number``."""
        held = self.source.shards
        assert isinstance(held, Shards)
        name = held.id(int(self.source.numbers[number]))
        self.found[f"{self.source.part}/{self.source.name}: {name}"] = None
        return self.source.document(number)


def sources(shards: Shards, part: str, mixture: Mixture) -> list[tuple[SourceDocuments, float]]:
    """The sources of a part that have a share of it, by name, each with that share."""
    lengths, kinds = np.asarray(shards.lengths), np.asarray(shards.sources)
    totals = {name: int(lengths[kinds == kind].sum()) for kind, name in enumerate(shards.source_names)}
    if len(lengths) and not any(mixture.of_sources(totals).values()):
        place, fix = "training.mixture.weights", "raise one, or give the part no share"
        raise UserError(place, f"leave out every source of {part} text", fix)
    found = []
    for name, share in sorted(mixture.of_sources(totals).items()):
        if share > 0:
            numbers = np.flatnonzero((kinds == shards.source_names.index(name)) & (lengths > 0))
            found.append((SourceDocuments(shards, part, name, numbers, lengths[numbers]), share))
    return found


def check_names(mixture: Mixture, shards: dict[str, Shards]) -> None:
    """Refuse weights of sources that are not there."""
    known = {name for each in shards.values() for name in each.source_names}
    if unknown := sorted(mixture.weights.keys() - known):
        raise UserError(
            "training.mixture.weights",
            f"names {', '.join(unknown)}, and the sources are {', '.join(sorted(known))}",
            "name a source as corpus does",
        )
