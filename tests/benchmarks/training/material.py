"""What is trained here: models by their shape, and drawn text in documents as long as real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from domain.artifacts import PARTS, Tokens
from domain.cost.tensors import tensors
from domain.machine import Machine
from domain.model.build import build
from domain.model.spec import Scratch
from domain.settings.learning import Learning
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.tokens.shards import ShardWriter

SIGNS = {"bos_token": "<begin>", "eos_token": "<end>", "pad_token": "<pad>"}
MEDIAN, DEVIATION = 6.0, 1.2  # of the logarithm of a document's length in tokens: half are shorter than 403
NEXT = 16  # pieces that may follow another: 2.8 nats a token, once that is learned


@dataclass(frozen=True)
class Given:
    """What the command was given; ``work`` is a folder for what a stage writes."""

    work: Path
    text: Path | None
    seed: int
    rounds: int
    threads: int

    def folder(self, name: str) -> Path:
        """A new folder."""
        (self.work / name).mkdir(parents=True)
        return self.work / name

    def machine(self, **more: Any) -> Machine:
        """This machine, for a training that saves nothing until its end."""
        return Machine(threads=self.threads, work=self.work, checkpoint_seconds=1e7, **more)


def row(
    stage: str, values: Sequence[float], goal: float, *, most: bool = False, holds: bool = True, **more: Any
) -> dict[str, Any]:
    """A row: the median of ``values`` reaches its goal, or with ``most`` does not exceed it, and the gate ``holds``."""
    middle = median(values)
    return {
        "stage": stage,
        "value": float(f"{middle:.3g}"),
        "spread": [float(f"{each:.3g}") for each in (min(values), max(values))],
        "goal": goal,
        "passed": holds and (middle <= goal if most else middle >= goal),
        **more,
    }


def spoken(folder: Path, pieces: int) -> Path:
    """A tokenizer of so many pieces; nothing is read with it."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = [*SIGNS.values(), *(f"w{number}" for number in range(pieces - len(SIGNS)))]
    plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=plain, **SIGNS).save_pretrained(folder)
    return folder


def drawn(folder: Path, pieces: int, tokens: int, seed: int) -> Tokens:
    """About so many tokens of each part. A piece is followed by one of 16 others, so that there is something to learn.

    What the ids are changes no speed, only where documents end does.
    """
    chance = np.random.default_rng(seed)
    ordinary = pieces - len(SIGNS)
    for part in PARTS:
        with ShardWriter(folder / "train" / f"{part}-00000", vocabulary=pieces) as writer:
            while writer.offsets[-1] < tokens:
                length = int(chance.lognormal(MEDIAN, DEVIATION)) + 1
                steps = np.append(chance.integers(ordinary), chance.integers(NEXT, size=length - 1))
                ids = np.cumsum(steps) % ordinary + len(SIGNS)
                writer.add(np.concatenate(([0], ids, [1])), 4 * length, source=part)
    return Tokens(path=folder, manifest={})


class Material:
    """A model of ``shape`` for ``pieces`` pieces, and ``batches`` batches of ``rows`` rows for it, in ``folder``."""

    def __init__(
        self, folder: Path, shape: Scratch, *, pieces: int, rows: int, batches: int, seed: int, **learning: Any
    ) -> None:
        self.folder, self.shape, self.pieces, self.seed = folder, shape, pieces, seed
        size = rows * shape.context
        self.tokens = drawn(folder / "tokens", pieces, max(2 * size, min(size * batches, 4_000_000)), seed)
        self.tokenizer = spoken(folder / "tokenizer", pieces)
        self.batches = Batches(self.tokens, Mixture(), rows=rows, context=shape.context, batches=batches, seed=seed)
        self.spec = Learning(batch=size, seed=seed, **learning)
        self.parameters = sum(map(prod, tensors(shape, pieces).values()))

    def model(self) -> Any:
        """A fresh model, in fp32."""
        return build(self.shape, self.tokenizer, self.seed)

    def flops(self, seen: float | None = None) -> float:
        """FLOPs of a token, forward and backward (arXiv 2204.02311, appendix B): 6 N + 12 layers width ``seen``.

        ``seen`` is how many positions attention is to; by convention the whole square, which nobody computes.
        """
        return 6.0 * self.parameters + 12.0 * self.shape.layers * self.shape.width * (seen or self.shape.context)

    def seen(self) -> float:
        """Mean number of positions that a position sees: those of its document up to itself."""
        counts = [
            count
            for index in range(min(20, len(self.batches)))
            for segments in self.batches[index].segments[:, :-1]
            for count in np.unique(segments, return_counts=True)[1].tolist()
        ]
        return sum(count * (count + 1) / 2 for count in counts) / sum(counts)
