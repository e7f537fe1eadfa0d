"""A model's sizes and parameter counts, from a scratch shape or from safetensors headers, without building it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from domain.cost.tensors import tensors
from domain.errors import UserError
from domain.model.families import context_of, family_of
from domain.model.spec import GATED, Base
from domain.model_folder import CONFIG, read_object
from domain.settings.objectives import Family
from domain.weights import weight_files, weights_folder

Tensors = Mapping[str, tuple[int, ...]]

# BERT's pooler and next-sentence head; position ids; GPT-2's causal masks; BART's bias of the logits.
NOT_COUNTED = re.compile(r"pooler\.|seq_relationship|position_ids|\.attn\.(masked_)?bias$|final_logits_bias")
POSITIONS = re.compile(r"wpe\.|embed_positions|position_embeddings|token_type_embeddings")
BLOCK = re.compile(r"^(.*?\.\d+)\.")
ACROSS = re.compile(r"(EncDecAttention\.|encoder_attn\.)(k|v)(_proj)?\.")  # keys and values from the encoder's output
RELATIVE_BIAS = "relative_attention_bias"  # T5's positions: a small table used in attention
# Names of the same setting in different architectures; T5 and BART come last.
WIDTH = ("hidden_size", "n_embd", "n_embed", "dim", "d_model")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
DECODER_LAYERS = ("num_decoder_layers", "decoder_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads")
INNER = ("intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim", "ffn_dim")


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


def stored(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a safetensors file, from its header (8 bytes of length, then JSON).

    Unused heads and tables that are not weights (``NOT_COUNTED``) are left out.
    """
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    return {name: tuple(entry["shape"]) for name, entry in header.items() if not NOT_COUNTED.search(name)}


def counted(shapes: Tensors, width: int, rows: int, pieces: int, family: Family, targets: tuple[str, ...]) -> Any:
    """Parameter counts for ``Shape``, from the tensors of a model with ``rows`` rows, if it had ``pieces`` rows."""
    outside = [shape for name, shape in shapes.items() if not BLOCK.match(name)]
    tables, biased = outside.count((rows, width)), (rows,) in outside
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    blocks: Counter[str] = Counter()
    for name, size in sizes.items():
        if block := BLOCK.match(name):
            blocks[block[1]] += size
    read = {name: size for name, size in sizes.items() if POSITIONS.search(name)}
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
    shapes = {n: shape for path in files if path.suffix == ".safetensors" for n, shape in stored(path).items()}
    return stated(config, shapes, pieces, targets)


def stated(config: dict[str, Any], shapes: Tensors, pieces: int | None = None, targets: tuple[str, ...] = ()) -> Shape:
    """The shape of a model by its config.json and tensors; see ``shape_of``."""
    width, rows, heads = number(config, *WIDTH), number(config, "vocab_size"), number(config, *HEADS)
    family = family_of(config)
    size = next((config[name] for name in ("head_dim", "d_kv") if config.get(name)), width // heads)
    two = family == "encoder_decoder"
    return Shape(
        layers=number(config, *(DECODER_LAYERS if two else ()), *LAYERS),
        encoder_layers=number(config, *LAYERS) if two else 0,
        width=width,
        heads=heads,
        attention=heads * size,
        keys=size * (config.get("num_key_value_heads") or heads),
        inner=next((config[name] for name in INNER if config.get(name)), 4 * width),
        gated=any(re.search(r"\.gate_proj\.|\.wi_1\.|\.Wi\.", name) for name in shapes),
        context=context_of(config),
        family=family,
        architecture=config.get("model_type", ""),
        **counted(shapes, width, rows, pieces or rows, family, targets),
    )


def number(config: dict[str, Any], *names: str) -> int:
    """The first of these entries of a config.json that is an int. Raises ``UserError`` if there is none."""
    for name in names:
        if isinstance(config.get(name), int):
            return int(config[name])
    raise UserError("base", f"its config.json states no {names[0]}", "choose a language model that transformers knows")
