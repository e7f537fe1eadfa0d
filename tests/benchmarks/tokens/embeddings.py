"""Bits per byte before any training of a small Llama that gets 500 pieces of financial text, by how its rows begin.

Nothing is to be beaten here: no way to begin is free, and the rows say what each costs before a pilot begins. The base
is stories260k of the test data, whose head is its embedding; with a head of its own, a copy, it says the same. Text
that is scored is not among the text that the pieces come from.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from domain.machine import Machine
from domain.model.build import load, longest
from domain.model.embeddings import grow
from domain.model.spec import Initial
from domain.score import bits_per_byte, document_nats
from domain.tokenizer.encoding.texts import encode_texts, frame, load_tokenizer
from domain.tokenizer.extension.extend import extend
from tests.benchmarks.tokens.extend import texts_of

PIECES = 500
SCORED = 60_000  # bytes of each part
LONGEST = 4_000  # characters of a text that is scored
LEARNED = 6_000_000  # bytes of text that the pieces come from: 3 s
CPU = Machine(device="cpu", precision="fp32")
WAYS: tuple[tuple[Initial, bool], ...] = (
    ("mean", True), ("weighted", True), ("random", True), ("weighted", False), ("zero_output", False),
    ("random", False),
)  # fmt: skip


def within(texts: Sequence[str], size: int) -> list[str]:
    """The first texts that have so many bytes in all, and at least one."""
    found, total = list[str](), 0
    for text in texts:
        found.append(text)
        total += len(text.encode())
        if total >= size:
            break
    return found


def split(folder: Path, seed: int) -> tuple[dict[str, list[str]], list[str]]:
    """Texts to score by part, and those that the pieces come from."""
    chance, scored, rest = random.Random(seed), dict[str, list[str]](), dict[str, list[str]]()
    for part, name in (("domain", "finance"), ("general", "general")):
        texts = list(texts_of(folder, name))
        chance.shuffle(texts)
        held = within([text[:LONGEST] for text in texts], SCORED)
        scored[part], rest[part] = held, texts[len(held) :]
    return scored, within(rest["domain"], LEARNED)


def measured(model: Any, tokenizer: Any, texts: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Bits per byte and bytes per token, by part."""
    begin, _ = frame(tokenizer)
    found: dict[str, dict[str, float]] = {"bits_per_byte": {}, "bytes_per_token": {}}
    for part, each in texts.items():
        ids = encode_texts(tokenizer, each)
        nats = document_nats(model, ids, begin=begin, context=longest(model), machine=CPU)
        size = sum(len(text.encode()) for text in each)
        found["bits_per_byte"][part] = round(bits_per_byte(float(nats.sum()), size), 4)
        found["bytes_per_token"][part] = round(size / sum(map(len, ids)), 3)
    return found


def untied(model: Any) -> Any:
    """The same model with a head of its own."""
    from torch.nn import Parameter

    model.config.tie_word_embeddings = False
    head = model.get_output_embeddings()
    head.weight = Parameter(head.weight.detach().clone())
    return model


def row(stage: str, **more: Any) -> dict[str, Any]:
    """A row without a goal."""
    return {"stage": stage, "ratio": None, "spread": None, "goal": None, "gate": None, "passed": None, **more}


def rows(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """The base's own, then each way. One round tells all: nothing is timed."""
    given = os.environ.get("SHOPTALK_TEST_DATA")
    if not given:
        print("embeddings: no base. Fix: set SHOPTALK_TEST_DATA.", file=sys.stderr)
        return
    base = Path(given) / "stories260k"
    texts, learned = split(folder, seed)
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        extend(base, learned, PIECES, out)
        old, new = load_tokenizer(base), load_tokenizer(out)
        yield row("initial rows, base", **measured(load(base), old, texts))
        for initial, tied in WAYS:
            model = load(base) if tied else untied(load(base))
            facts = grow(model, base, out, embedding_init=initial)
            told = {"head": "tied" if tied else "its own", "rows": facts["rows"], "parts": facts["parts"]}
            yield row(f"initial rows, {initial}", **told, **measured(model, new, texts))
