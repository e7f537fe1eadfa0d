"""Activation memory: what the forward pass saves for the backward pass, by architecture and precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from domain.cost.shape import Shape
from domain.cost.token_flow import TokenFlow

# Bytes of one layer per token, in fp32 and in bf16 autocast, as multiples of the widths of the residual stream, all
# queries, the keys and the feed-forward block, and of heads times length where attention probabilities are saved.
# Measured with torch's saved_tensors_hooks (transformers 5.23, torch 2.13). arXiv 2205.05198 counts 34 times the width
# (16-bit, feed-forward of four times the width, fused operations, dropout); transformers' GPT-2 saves 60 times, since
# its GELU is four operations and its norms and residuals are fp32.
SAVED_BYTES = {
    "llama": ((24, 8, 8, 16, 0), (26, 6, 2, 8, 0)),
    "qwen3": ((24, 16, 16, 16, 0), (26, 12, 8, 8, 0)),
    "gpt2": ((32, 0, 0, 20, 0), (20, 0, 0, 10, 0)),
    "bloom": ((64, 0, 0, 0, 4), (36, 0, 0, 0, 6)),
    "bert": ((32, 0, 0, 8, 0), (24, 0, 0, 4, 0)),
    "roberta": ((32, 0, 0, 8, 0), (24, 0, 0, 4, 0)),
    "modernbert": ((40, 0, 0, 16, 0), (24, 0, 0, 8, 0)),
    "t5": ((24, 16, 0, 28, 4), (26, 14, 0, 14, 4)),
    "bart": ((32, 0, 0, 8, 0), (24, 0, 0, 4, 0)),
}
# To subtract on a CPU, for the stream, all queries and the keys: norms are fused there (domain.model.fused), and tiled
# attention saves no second copy of ModernBERT's queries and keys.
FUSED = {
    "llama": ((8, 0, 0), (14, 0, 0)),
    "qwen3": ((8, 4, 4), (14, 2, 2)),
    "modernbert": ((8, 0, 0), (4, 0, 0)),
    "t5": ((8, 0, 0), (12, 0, 0)),
}
DECODER = {"t5": ((36, 24, 0, 28, 4), (36, 18, 0, 14, 4)), "bart": ((48, 0, 0, 8, 0), (34, 0, 0, 4, 0))}
DECODER_FUSED = {"t5": ((12, 0, 0), (20, 0, 0))}
RECTIFIED = 4  # times the inner size, in the ungated feed-forward block of T5 1.0
ACROSS = ((0, 8), (4, 4))  # per encoder token, for the decoder's keys and values: width, queries
# A compiled block saves little but the inputs of its products: 3 (gated) or 2 times the inner size.
COMPILED = ((48, 12, 8), (28, 6, 4))
TILE, MOST = 128, 2**24  # of tiled attention (domain.model.tiles): queries, and limit of saved probabilities in bytes
Table = Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
ONE_DOCUMENT_PER_ROW = {"bloom", "bart"}  # no document masks: one document per row


@dataclass(frozen=True)
class Layer:
    """Bytes per row of a layer: all saved activations, those of its products, its input; working memory, scores."""

    saved: float
    products: float
    input: float
    work: float
    scores: float

    def saved_with(self, recompute: str) -> float:
        """Bytes saved for the backward pass: selective recomputation saves the products, full only the input."""
        return {"none": self.saved, "selective": self.products + self.input, "full": self.input}[recompute]

    def working(self, recompute: str) -> float:
        """Bytes during its backward pass: recomputed activations, and gradients."""
        again = {"none": self.work, "selective": self.saved - self.products + self.work / 2, "full": self.saved}
        return again[recompute] + self.scores


def like(shape: Shape) -> str:
    """The architecture in ``SAVED_BYTES`` that is most similar."""
    usual = {"decoder": "llama" if shape.gated else "gpt2", "encoder": "bert", "encoder_decoder": "bart"}
    return shape.architecture if shape.architecture in SAVED_BYTES else usual[shape.family]


def layers_of(
    shape: Shape, row: TokenFlow, *, rows: int, bf16: bool, gpu: bool, compiled: bool
) -> list[tuple[int, Layer]]:
    """(Number of layers, one of them) per stack, in the order of the forward pass, for ``rows`` rows at once."""
    kind, half, fused = like(shape), int(bf16), not gpu and not compiled
    if shape.family != "encoder_decoder":
        length = row.read + row.written
        layer = one(shape, table(SAVED_BYTES, FUSED if fused else {}, kind, half), length, bf16=bf16, compiled=compiled)
        scores = attended(shape, length, rows, bf16) if not gpu and kind != "bloom" else 0.0
        return [(shape.layers, grown(layer, scores))]
    inside = (
        table(SAVED_BYTES, FUSED if fused else {}, kind, half),
        table(DECODER, DECODER_FUSED if fused else {}, kind, half),
    )
    encoder = one(shape, inside[0], row.read, bf16=bf16, compiled=compiled)
    decoder = one(shape, inside[1], row.written, bf16=bf16, compiled=compiled)
    width, queries = ACROSS[half]
    size = 2 if bf16 else 4
    across = row.read * (width * shape.width + queries * shape.queries)
    products = size * (2 * row.read * shape.queries + row.written * (shape.queries + shape.width))
    # Each layer saves the document mask, or T5's position bias, which is as large as the scores.
    heads = shape.heads if kind == "t5" else 1
    masked = size * row.written * row.read * heads
    alone = 0 if kind == "t5" else size
    return [
        (shape.encoder_layers, grown(encoder, alone * row.read**2)),
        (shape.layers, grown(decoder, across + masked + alone * row.written**2, products)),
    ]


def table(saved: Table, less: Table, kind: str, half: int) -> tuple[int, ...]:
    """Row of ``saved`` for an architecture, minus that of ``less``."""
    return tuple(a - b for a, b in zip_longest(saved[kind][half], less.get(kind, ((), ()))[half], fillvalue=0))


def one(shape: Shape, bytes_of: tuple[int, ...], length: float, *, bf16: bool, compiled: bool) -> Layer:
    """A layer over rows of ``length``."""
    width, queries, keys, inner, square = bytes_of
    if like(shape) == "t5" and not shape.gated:
        inner = RECTIFIED
    wide, fed = shape.width, shape.feed_forward
    size, scored = 2 if bf16 else 4, shape.heads * length**2 if square else 0.0
    if compiled:
        streams, gated, plain = COMPILED[bf16]
        saved = streams * wide + (gated if shape.gated else plain) * fed
    else:
        saved = width * wide + queries * shape.queries + keys * shape.cached + inner * fed
    passed = shape.queries + 2 * shape.cached + 2 * wide + (2 if shape.gated else 1) * fed
    products = size * (passed + (shape.queries if square else 0)) * length
    if like(shape) == "t5":  # T5's scores are a saved product; BLOOM's baddbmm is recomputed
        products += 4 * scored
    return Layer(
        saved=saved * length + square * scored,
        products=products,
        input=4.0 * wide * length,
        work=4.0 * (wide + fed) * length,
        scores=6.0 * scored,
    )


def attended(shape: Shape, length: float, rows: int, bf16: bool) -> float:
    """Bytes per row of tiled attention on a CPU: keys repeated for each head, and probabilities below the limit.

    Assumes documents as long as the row; shorter ones need less.
    """
    keys = length if shape.family == "encoder" or length <= TILE else (length + TILE) / 2
    shares = (2 if bf16 else 4) * shape.heads * keys * length
    more = (2 if bf16 else 8) * (shape.queries - shape.cached) * length
    return more + (shares if rows * shares <= MOST else 0.0)


def grown(layer: Layer, saved: float, products: float = 0.0) -> Layer:
    """``layer`` with more saved bytes."""
    return replace(layer, saved=layer.saved + saved, products=layer.products + products)


def outside(shape: Shape, row: TokenFlow) -> float:
    """Bytes per row outside the layers: embedding, last norm, an encoder's transform, the head's input and gradient."""
    return (
        4.0 * shape.width * (2 * row.read + 2 * row.written + 3 * row.predicted + (2 * row.read * (row.written == 0)))
    )
