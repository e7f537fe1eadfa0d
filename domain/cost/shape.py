"""A model's sizes and parameter counts, from a scratch shape or from safetensors headers, without building it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any

from domain.cost.tensors import tensors
from domain.errors import UserError
from domain.model.families import context_of, family_of
from domain.model.spec import GATED, Base
from domain.pretrained.config import (
    DECODER_LAYERS,
    HEAD_COUNT,
    HEAD_SIZE,
    INNER,
    KEYS,
    LAYER,
    LAYERS,
    WIDTH,
    Tensors,
    first,
)
from domain.pretrained.folder import CONFIG, read_object, weight_shapes
from domain.pretrained.weights import weight_files, weights_folder
from domain.settings.objectives import Family

# Not weights of the model: BERT's pooler and next-sentence head; position ids; GPT-2's causal masks; BART's bias.
NOT_COUNTED = re.compile(r"pooler\.|seq_relationship|position_ids|\.attn\.(masked_)?bias$|final_logits_bias")
POSITION_TABLES = re.compile(r"wpe\.|embed_positions|position_embeddings|token_type_embeddings")
ACROSS = re.compile(r"(EncDecAttention\.|encoder_attn\.)(k|v)(_proj)?\.")  # keys and values from the encoder's output
RELATIVE_BIAS = "relative_attention_bias"  # T5's positions: a small table used in attention


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``parameters`` counts a tied head once; ``context`` is the longest text in tokens.

    ``layers`` is that of the single stack or the decoder, ``encoder_layers`` that of an encoder-decoder's encoder.
    ``attention`` and ``keys`` are the widths of all queries and of all keys, ``inner`` that of the feed-forward block;
    0 stands for ``width``, the queries' width, and four times ``width``. These numbers of parameters are part of the
    total: ``lookup`` (positions, an untied embedding), ``encoder``, ``across`` (the decoder's keys and values of the
    encoder's output), ``block`` (the largest layer). LoRA of rank r adds r times ``adaptable`` parameters.
    """

    parameters: int
    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int
    family: Family = "decoder"
    architecture: str = "llama"
    encoder_layers: int = 0
    attention: int = 0
    keys: int = 0
    inner: int = 0
    gated: bool = False
    lookup: int = 0
    encoder: int = 0
    across: int = 0
    block: int = 0
    adaptable: int = 0

    @property
    def queries(self) -> int:
        """Width of the queries of all heads."""
        return self.attention or self.width

    @property
    def cached(self) -> int:
        """Width of the keys of all heads, and of the values."""
        return self.keys or self.queries

    @property
    def feed_forward(self) -> int:
        """Inner size of the feed-forward block."""
        return self.inner or 4 * self.width

    @property
    def head(self) -> int:
        """Parameters of the head matrix, tied or not."""
        return self.vocabulary * self.width


def counted(shapes: Tensors, width: int, rows: int, pieces: int, family: Family, targets: tuple[str, ...]) -> Any:
    """Parameter counts for ``Shape``, from the tensors of a model with ``rows`` rows, if it had ``pieces`` rows."""
    outside = [shape for name, shape in shapes.items() if not LAYER.match(name)]
    tables, biased = outside.count((rows, width)), (rows,) in outside
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    blocks: Counter[str] = Counter()
    for name, size in sizes.items():
        if block := LAYER.match(name):
            blocks[block[1]] += size
    read = {name: size for name, size in sizes.items() if POSITION_TABLES.search(name)}
    matrices = {
        name: sum(shape)
        for name, shape in shapes.items()
        if len(shape) == 2 and shape != (rows, width) and name not in read and RELATIVE_BIAS not in name
    }
    two = family == "encoder_decoder"
    return {
        "parameters": sum(sizes.values()) + (pieces - rows) * (tables * width + biased),
        "lookup": sum(read.values()) + (pieces * width if tables > 1 else 0),
        "encoder": sum(s for n, s in sizes.items() if "encoder." in f".{n}" and n not in read) if two else 0,
        "across": sum(size for name, size in sizes.items() if ACROSS.search(name)),
        "block": max(blocks.values(), default=0),
        "adaptable": sum(n for name, n in matrices.items() if not targets or name.split(".")[-2] in targets),
        "vocabulary": pieces,
    }


def shape_of(base: Base, pieces: int | None, targets: tuple[str, ...] = ()) -> Shape:
    """The base's shape with a vocabulary of ``pieces`` (None: that of the weights).

    ``targets`` are the names of the matrices with LoRA updates; empty: all but embedding and head.
    """
    if base.scratch is not None:
        scratch, size = base.scratch, pieces or 0
        width, family, two = scratch.width, scratch.family, scratch.family == "encoder_decoder"
        return Shape(
            layers=scratch.layers,
            encoder_layers=scratch.layers if two else 0,
            width=width,
            heads=scratch.heads,
            attention=width,
            keys=width // scratch.heads * (scratch.kv_heads or scratch.heads),
            inner=scratch.inner,
            gated=scratch.architecture in GATED,
            context=scratch.context,
            family=family,
            architecture=scratch.architecture,
            **counted(tensors(scratch, size), width, size, size, family, targets),
        )
    files = weight_files(base.weights)
    config = read_object(weights_folder(base.weights) / CONFIG, "base")
    shapes = {name: shape for name, shape in weight_shapes(files, "base").items() if not NOT_COUNTED.search(name)}
    return stated(config, shapes, pieces, targets)


def stated(config: dict[str, Any], shapes: Tensors, pieces: int | None = None, targets: tuple[str, ...] = ()) -> Shape:
    """The shape of a model by its config.json and tensors; see ``shape_of``."""
    width, rows, heads = number(config, *WIDTH), number(config, "vocab_size"), number(config, *HEAD_COUNT)
    family = family_of(config)
    size = first(config, HEAD_SIZE) or width // heads
    two = family == "encoder_decoder"
    return Shape(
        layers=number(config, *(DECODER_LAYERS if two else ()), *LAYERS),
        encoder_layers=number(config, *LAYERS) if two else 0,
        width=width,
        heads=heads,
        attention=heads * size,
        keys=size * (first(config, KEYS) or heads),
        inner=first(config, INNER) or 4 * width,
        gated=any(re.search(r"\.gate_proj\.|\.wi_1\.|\.Wi\.", name) for name in shapes),
        context=context_of(config),
        family=family,
        architecture=config.get("model_type", ""),
        **counted(shapes, width, rows, pieces or rows, family, targets),
    )


def number(config: dict[str, Any], *names: str) -> int:
    """The first of these entries of a config.json that is a whole number. Raises ``UserError`` if there is none."""
    if value := first(config, names):
        return value
    raise UserError("base", f"its config.json states no {names[0]}", "choose a language model that transformers knows")
