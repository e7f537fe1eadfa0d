"""A model's numbers without the model: parameters, layers, width, from a scratch shape or a config.json."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from domain.errors import Refusal
from domain.model.families import context_of, family_of
from domain.model.spec import Base, Scratch
from domain.model.weights import given_files
from domain.tokenizer.train import PAD, special_tokens
from domain.training.objectives.spec import Family

PADDING = special_tokens("masked").index(PAD)  # in a tokenizer made for a fresh RoBERTa: positions come behind it
# BERT's heads for classes and next sentences; numbers of positions; GPT-2's triangles, and what BART adds to logits.
UNUSED = re.compile(r"pooler\.|seq_relationship|position_ids|\.attn\.(masked_)?bias$|final_logits_bias")
# What the architectures call the same; T5 and BART come last.
WIDTH = ("hidden_size", "n_embd", "n_embed", "dim", "d_model")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
DECODER_LAYERS = ("num_decoder_layers", "decoder_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``parameters`` counts a tied head once; ``context`` is the longest text in tokens.

    Of an encoder-decoder ``layers`` are those of its longer stack. A token of text does not pass all its parameters N:
    under span corruption (512 and 114 tokens from 568) about N / 2, under denoising nearly N.
    """

    parameters: int
    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int
    family: Family = "decoder"


def scratch_parameters(shape: Scratch, vocabulary: int) -> int:
    """Weights of a fresh model, exactly as transformers builds it (norms and biases included)."""
    width, inner, context = shape.width, shape.inner, shape.context
    square, wide, deep = width * width, width * inner, shape.layers
    rows = vocabulary * width
    head = 0 if shape.tied else rows
    biased = 4 * square + 4 * width  # query, key, value and output with biases
    block = 2 * wide + inner + width  # and a feed-forward block of two matrices
    norm = 2 * width  # weight and bias
    match shape.architecture:
        case "llama" | "qwen3":
            size = width // shape.heads
            attention = 2 * square + 2 * width * size * (shape.kv_heads or shape.heads)
            attention += 2 * size if shape.architecture == "qwen3" else 0  # norms of query and key
            return rows + head + deep * (attention + 3 * wide + 2 * width) + width
        case "gpt2":
            return rows + head + context * width + deep * (biased + block + 2 * norm) + norm
        case "bloom":
            return rows + head + norm + deep * (biased + block + 2 * norm) + norm
        case "bert" | "roberta":
            places = context + 2 if shape.architecture == "bert" else context + PADDING + 2  # and text types
            transform = square + width + norm + vocabulary
            return rows + places * width + norm + deep * (biased + block + 2 * norm) + transform
        case "modernbert":  # the first layer has no norm before attention
            return rows + head + width + deep * (4 * square + 3 * wide + 2 * width) + square + width + vocabulary
        case "t5":
            buckets = 2 * 32 * shape.heads
            layers = deep * (3 * (4 * square + width) + 2 * (3 * wide + width))
            return rows + buckets + layers + 2 * width
        case "bart":
            layers = deep * (3 * (biased + norm) + 2 * (block + norm))
            return rows + 2 * ((context + 2) * width + norm) + layers


def stored_parameters(path: Path) -> int:
    """Weights in a safetensors file, read from its header alone: 8 bytes of length, then JSON.

    Heads that are not trained here and tables that are no weights (``UNUSED``) are left out.
    """
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    entries = [entry for name, entry in header.items() if name != "__metadata__" and not UNUSED.search(name)]
    return sum(prod(entry["shape"]) for entry in entries)


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
            family=scratch.family,
        )
    files = given_files(base.weights)
    config: dict[str, Any] = json.loads((files[0].parent / "config.json").read_text(encoding="utf-8"))
    held = sum(stored_parameters(path) for path in files if path.suffix == ".safetensors")
    width, rows, family = number(config, *WIDTH), number(config, "vocab_size"), family_of(config)
    # An encoder's head has a bias for every piece.
    each = width * (1 if config.get("tie_word_embeddings", True) else 2) + (family == "encoder")
    return Shape(
        parameters=held + ((pieces or rows) - rows) * each,
        layers=max(number(config, *LAYERS), number(config, *DECODER_LAYERS, *LAYERS)),
        width=width,
        heads=number(config, *HEADS),
        vocabulary=pieces or rows,
        context=context_of(config),
        family=family,
    )


def number(config: dict[str, Any], *names: str) -> int:
    """The first of these entries of a config.json that is a number; raises ``Refusal`` where there is none."""
    for name in names:
        if isinstance(config.get(name), int):
            return int(config[name])
    raise Refusal("base", f"its config.json states no {names[0]}", "choose a language model that transformers knows")
