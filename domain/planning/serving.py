"""What a model takes that speaks and does not learn: its weights, and the keys and values of what was said."""

from __future__ import annotations

from domain.cost.shape import Shape

WIDTHS = {"bf16": 2.0, "int8": 1.0, "4-bit": 0.5}  # bytes a parameter


def weights(shape: Shape) -> dict[str, float]:
    """Bytes of the weights by precision; scales of quantised ones, a few percent, are not counted."""
    return {name: size * shape.parameters for name, size in WIDTHS.items()}


def cache_per_token(shape: Shape) -> float:
    """Bytes of keys and values in bf16 of one token, in all layers; 0 for an encoder, which keeps none.

    Heads that share keys keep them once (arXiv 2305.13245). An encoder-decoder keeps as many for each token that it
    has read as for each that it has written.
    """
    return 0.0 if shape.family == "encoder" else 2.0 * 2.0 * shape.layers * shape.cached


def cache(shape: Shape, texts: int) -> float:
    """Bytes for so many texts at once, each as long as the context; of an encoder-decoder on either side."""
    sides = 2 if shape.family == "encoder_decoder" else 1
    return sides * texts * shape.context * cache_per_token(shape)
