"""A model's numbers without the model: parameters, layers, width, from a scratch shape or a config.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import Refusal
from domain.model.spec import Base, Scratch
from domain.model.weights import given_files


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``parameters`` counts a tied head once; ``context`` is the longest text in tokens."""

    parameters: int
    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int


def scratch_parameters(shape: Scratch, vocabulary: int) -> int:
    """Weights of a fresh model, exactly as transformers builds it (norms and biases included)."""
    width, inner = shape.width, shape.inner
    embedding = vocabulary * width * (1 if shape.tied else 2)
    if shape.architecture == "llama":
        keys = width * (shape.kv_heads or shape.heads) // shape.heads
        layer = 2 * width * width + 2 * width * keys + 3 * width * inner + 2 * width
        return embedding + shape.layers * layer + width
    layer = (4 * width * width + 4 * width) + (2 * width * inner + inner + width) + 4 * width
    return embedding + shape.context * width + shape.layers * layer + 2 * width


def stored_parameters(path: Path) -> int:
    """Weights in a safetensors file, read from its header alone: 8 bytes of length, then JSON."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    total = 0
    for name, entry in header.items():
        if name != "__metadata__":
            count = 1
            for size in entry["shape"]:
                count *= size
            total += count
    return total


def shape_of(base: Base, pieces: int | None) -> Shape:
    """The base's shape with a vocabulary of ``pieces`` (None: the given weights' own)."""
    if base.scratch is not None:
        scratch, size = base.scratch, pieces or 0
        return Shape(
            parameters=scratch_parameters(scratch, size),
            layers=scratch.layers,
            width=scratch.width,
            heads=scratch.heads,
            vocabulary=size,
            context=scratch.context,
        )
    files = given_files(base.weights)
    config: dict[str, Any] = json.loads((files[0].parent / "config.json").read_text(encoding="utf-8"))
    held = sum(stored_parameters(path) for path in files if path.suffix == ".safetensors")
    width, rows = number(config, "hidden_size", "n_embd"), number(config, "vocab_size")
    matrices = 1 if config.get("tie_word_embeddings", True) else 2
    return Shape(
        parameters=held + ((pieces or rows) - rows) * width * matrices,
        layers=number(config, "num_hidden_layers", "n_layer"),
        width=width,
        heads=number(config, "num_attention_heads", "n_head"),
        vocabulary=pieces or rows,
        context=number(config, "max_position_embeddings", "n_positions"),
    )


def number(config: dict[str, Any], *names: str) -> int:
    """The first of these entries of a config.json that is a number; raises ``Refusal`` where there is none."""
    for name in names:
        if isinstance(config.get(name), int):
            return int(config[name])
    raise Refusal(
        "base", f"its config.json states no {names[0]}", "choose a decoder-only model that transformers knows"
    )
