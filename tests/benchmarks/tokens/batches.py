"""Reading batches against the trainer that consumes them, and what of it stays in memory.

The trainer is the loop's own step (forward, backward, clipping, AdamW) on the quickstart's model, on batches read by
the loop's own objective. Text is the given one under a byte-level BPE of 4,096 pieces from a part of it, a source a
file. Memory is what the process holds of its own: pages of the mapped shards are the system's, which takes them back.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from domain.artifacts import PARTS, Tokens
from domain.tokens.batches import Batches
from domain.tokens.bestfit import BestFit
from domain.tokens.mixture import Mixture
from domain.tokens.packing import Packing, SourceDocuments
from domain.tokens.shards import ShardWriter
from tests.benchmarks.rounds import interleaved, row

PIECES, CONTEXT, ROWS = 4_096, 256, 4  # the quickstart's
BATCHES = 4_000  # read in a round, 4.1M tokens: more than an epoch of either part
STEPS = 3  # of the trainer in a round, 3,072 tokens
SAMPLE = 1_500_000  # characters that the pieces are learned from
DOCUMENTS = 1_000_000  # that best fit packs at once


def texts_of(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(Part, source, text) of every document."""
    for part, inside in zip(PARTS, ("finance", "general"), strict=True):
        for path in sorted((folder / inside).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for each in lines:
                    yield part, path.name.split(".")[0], json.loads(each)["text"]


def encoded(folder: Path, out: Path) -> tuple[Tokens, float]:
    """The text as shards, and its UTF-8 bytes per token."""
    from tokenizers import ByteLevelBPETokenizer

    bpe, size, tokens = ByteLevelBPETokenizer(), 0, 0
    bpe.train_from_iterator(sampled(folder), vocab_size=PIECES, special_tokens=["<end>"], show_progress=False)
    writers = {part: ShardWriter(out / "train" / f"{part}-00000", vocabulary=PIECES).__enter__() for part in PARTS}
    documents = texts_of(folder)
    while some := list(islice(documents, 256)):
        for (part, source, text), ids in zip(some, bpe.encode_batch([t for _, _, t in some]), strict=True):
            writers[part].add(np.array([0, *ids.ids, 0]), len(text.encode()), source=source)
    for writer in writers.values():
        writer.__exit__(None, None, None)
        size, tokens = size + writer.bytes, tokens + writer.tokens
    return Tokens(path=out, manifest={}), size / tokens


def sampled(folder: Path) -> Iterator[str]:
    """Beginnings of texts of each source, up to ``SAMPLE`` characters in all."""
    left = {source: SAMPLE // 7 for _, source, _ in texts_of(folder)}
    for _, source, text in texts_of(folder):
        if left[source] > 0:
            yield text[: min(left[source], 20_000)]
            left[source] -= len(text[:20_000])


def opened(tokens: Tokens, seed: int, packing: Packing) -> Batches:
    """All that is read in a round and ten times more."""
    sizes: dict[str, Any] = {"rows": ROWS, "context": CONTEXT, "batches": 11 * BATCHES, "seed": seed}
    return Batches(tokens, Mixture(temperature=2), **sizes, packing=packing)


def read(batches: Batches, first: int, last: int) -> None:
    """Read batches and keep none."""
    for index in range(first, last):
        batches[index]


def trainer(batches: Batches) -> Callable[[], None]:
    """The loop's steps on the quickstart's model."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from domain.machine import Machine
    from domain.model.attention import Attention
    from domain.model.device import choose_device
    from domain.model.spec import Scratch
    from domain.settings.learning import Learning
    from domain.settings.objectives import Causal
    from domain.training.loss_head import Head
    from domain.training.objectives.causal import CausalObjective
    from domain.training.optimizer import adamw

    shape = Scratch(width=192, layers=4, heads=4, context=CONTEXT)
    config = LlamaConfig(
        vocab_size=PIECES, hidden_size=shape.width, intermediate_size=shape.inner, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = LlamaForCausalLM(config).train()
    device = choose_device(Machine(device="cpu"))
    attention, head, causal = Attention(model, device), Head(model), CausalObjective(Causal(), None, 0)
    optimizer = adamw(model, Learning())

    def steps() -> None:
        for index in range(STEPS):
            batch = causal(batches[index], index)
            (head.loss(attention(batch), batch.labels) / batch.valid).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return steps


def lone(tokens: Tokens, seed: int, packing: Packing) -> bool:
    """Whether batches read alone, the last first, and in blocks of two processes, are those read in sequence."""
    sequence, alone = opened(tokens, seed, packing), opened(tokens, seed, packing)
    chosen = sorted({0, 1, 7, 2 * BATCHES, 11 * BATCHES - 1})
    wanted = {index: sequence[index] for index in range(chosen[-1] + 1) if index in chosen or index % 97 == 0}
    return all(
        np.array_equal(getattr(wanted[index], name), getattr(alone[index], name))
        and np.array_equal(
            getattr(wanted[index], name), np.concatenate([getattr(alone.part(index, r, 2), name) for r in range(2)])
        )
        for index in reversed(chosen)
        for name in ("tokens", "segments")
    )


def own() -> float:
    """MB that this process holds of its own, and that no file gives back."""
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) / 1024


def held(tokens: Tokens, seed: int, packing: Packing) -> tuple[float, float]:
    """That after a round, and after ten more."""
    batches = opened(tokens, seed, packing)
    read(batches, 0, BATCHES)
    before = own()
    read(batches, BATCHES, 11 * BATCHES)
    return before, own()


def fitted(seed: int) -> tuple[float, float]:
    """Seconds in which best fit packs documents of log-normal lengths (median 403) into rows of 2,049; its padding."""
    lengths = np.random.default_rng(seed).lognormal(6.0, 1.2, DOCUMENTS).astype(np.int64) + 2
    source = SourceDocuments(None, "domain", "drawn", np.arange(DOCUMENTS), lengths)  # type: ignore[arg-type]
    began = time.perf_counter()
    packed = BestFit(source, context=2_048, seed=seed)
    packed.order(0)
    return time.perf_counter() - began, packed.padding


def rows(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Against the trainer by packing; then memory, and what best fit takes to pack."""
    packings: tuple[Packing, ...] = ("stream", "best_fit")
    with tempfile.TemporaryDirectory() as work:
        tokens, bytes_per_token = encoded(folder, Path(work))
        ready = {packing: opened(tokens, seed, packing) for packing in packings}
        ways: dict[str, Callable[[], object]] = {
            packing: lambda batches=batches: read(batches, 0, BATCHES)  # type: ignore[misc]
            for packing, batches in ready.items()
        }
        seconds = interleaved({**ways, "trainer": trainer(ready["stream"])}, rounds)
        million = ROWS * CONTEXT * bytes_per_token / 1e6
        for packing in packings:
            mine = row(
                f"batches: {packing}", seconds[packing], BATCHES * million, seconds["trainer"], STEPS * million, 20,
                holds=lone(tokens, seed, packing),
            )  # fmt: skip
            pace = {name: sorted(seconds[name])[rounds // 2] for name in (packing, "trainer")}
            packed = {name: round(share, 4) for name, share in ready[packing].packed().items()}
            yield {
                **mine, "tokens_per_s": round(BATCHES * ROWS * CONTEXT / pace[packing]),
                "trainer_tokens_per_s": round(STEPS * ROWS * CONTEXT / pace["trainer"]), **packed,
            }  # fmt: skip
        for packing in packings:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                before, after = pool.apply(held, (tokens, seed, packing))
            yield {
                "stage": f"batches: memory, {packing}", "ratio": round(after / before, 3), "goal": 1.05,
                "passed": after <= 1.05 * before, "own_mb": [round(before, 1), round(after, 1)],
                "batches": [BATCHES, 11 * BATCHES],
            }  # fmt: skip
    took, padding = fitted(seed)
    yield {
        "stage": "batches: packing a million documents", "ratio": None, "goal": {"seconds": 10}, "passed": took <= 10,
        "seconds": round(took, 2), "padding": round(padding, 6),
    }  # fmt: skip
