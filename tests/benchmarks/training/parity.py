"""The loop's losses against a plain loop of transformers, in fp32, over 50 steps of the same batches.

The plain loop takes whole logits, ``cross_entropy``, positions that restart, ``clip_grad_norm_`` and a plain AdamW.
Then the loop against itself: documents apart, one to a padded row; masks in the place of tiles; blocks computed again;
blocks compiled, where there is a compiler. A value is the largest difference of a loss, in nats; ``learned`` is how far
it fell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional

from domain.model.masks import Masks, positions
from domain.model.spec import Scratch
from domain.tokens.packing import PADDING, Rows
from tests.benchmarks.training.material import Given, Material, row
from tests.benchmarks.training.paced import CAUSAL, loop

SHAPE, PIECES, ROWS, STEPS = Scratch(width=64, layers=4, heads=4, context=128), 512, 16, 50
GOALS = {"reference": 1e-4, "itself": 1e-3}


class Apart:
    """The batches of ``material`` with every document in a row of its own."""

    def __init__(self, material: Material) -> None:
        self.batches, self.rows, self.context = material.batches, material.batches.rows, material.batches.context

    def __len__(self) -> int:
        return len(self.batches)

    def part(self, index: int, rank: int, ranks: int) -> Rows:
        """The documents of a batch; what its rows end with is only a label, of the document before it."""
        given = self.batches.part(index, rank, ranks)
        places = [(at, n) for at, each in enumerate(given.segments) for n in np.unique(each) if n != PADDING]
        tokens = np.zeros((len(places), self.context + 1), dtype=np.int64)
        segments = np.full_like(tokens, PADDING)
        for place, (at, number) in enumerate(places):
            own = given.tokens[at, given.segments[at] == number]
            tokens[place, : len(own)], segments[place, : len(own)] = own, 0
        return Rows(tokens, segments)


def plain(material: Material, threads: int) -> list[float]:
    """The losses of the plain loop."""
    torch.set_num_threads(threads)
    model, spec = material.model().train(), material.spec
    embedded = model.get_input_embeddings().weight
    decayed = [each for each in model.parameters() if each.ndim > 1 and each is not embedded]
    free = [each for each in model.parameters() if each.ndim < 2 or each is embedded]
    groups = [{"params": decayed, "weight_decay": spec.weight_decay}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=spec.learning_rate, betas=(spec.beta1, spec.beta2), eps=1e-8)
    losses = []
    for index in range(STEPS):
        batch = CAUSAL(material.batches[index], 0)
        ids, places = batch.inputs["input_ids"], positions(batch.segments["input_ids"])
        logits = model(input_ids=ids, position_ids=places, use_cache=False).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), spec.clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def compiles() -> bool:
    """Whether ``torch.compile`` finds a compiler."""
    try:
        return bool(torch.compile(lambda value: value.sin() + 1)(torch.zeros(3)).sum() == 3)
    except Exception:  # whatever it lacks
        return False


def rows(given: Given) -> Iterator[dict[str, Any]]:
    """Against the plain loop, then against itself."""
    folder = given.folder("parity")
    material = Material(
        folder, SHAPE, pieces=PIECES, rows=ROWS, batches=STEPS, seed=given.seed, learning_rate=3e-3, warmup=0.0,
        decay="none",
    )  # fmt: skip
    machine = given.machine(device="cpu", precision="fp32")

    def losses(name: str, **how: Any) -> list[float]:
        more = {key: how.pop(key) for key in ("batches", "kernel") if key in how}
        made = loop(material, folder / name, machine.replace(**how), **more)
        if "batches" in more:
            made.model.set_attn_implementation("sdpa")
            made.attention.masks = Masks(made.model, packed=False)
        return [point["loss"] for point in made.run()]

    def compared(name: str, goal: float, mine: list[float], other: list[float]) -> dict[str, Any]:
        apart = [max(abs(one - two) for one, two in zip(mine, other, strict=True))]
        learned = round(mine[0] - mine[-1], 3)
        return row(f"parity: {name}", apart, goal, most=True, holds=learned > 1, steps=len(mine), learned=learned)

    own = losses("own")
    yield compared("plain loop", GOALS["reference"], own, plain(material, machine.thread_count))
    yield compared("one document a row", GOALS["itself"], own, losses("apart", batches=Apart(material)))
    yield compared("masks in the place of tiles", GOALS["itself"], own, losses("masks", kernel="sdpa"))
    for how in ("selective", "full"):
        yield compared(f"recompute {how}", GOALS["itself"], own, losses(how, recompute=how))
    if compiles():
        yield compared("compile", GOALS["itself"], own, losses("compile", compile=True))
    else:
        yield {"stage": "parity: compile", "needs": "a compiler for torch.compile", "passed": None}
