"""Disk space of a run, and memory needed to serve its model."""

from __future__ import annotations

from domain.cost.shape import Shape
from domain.planning.memory import learning_parameters
from domain.settings.learning import Lora, Training
from domain.tokens.shard import id_type

MODELS = 5  # base, two arms, the release and its copy in the registry
PILOTS = 4  # a base with its own tokenizer, and three arms
WIDTHS = {"bf16": 2.0, "int8": 1.0, "4-bit": 0.5}  # bytes a parameter


def on_disk(
    shape: Shape,
    training: Training,
    text: dict[str, float],
    bytes_per_token: float,
    *,
    checkpoints: int,
    pilots: bool,
    grown: bool,
    tuned: bool = False,
) -> dict[str, float]:
    """Bytes of text, tokens, models and so many checkpoints; ``text`` is what is read, by part.

    Text is held raw, cleaned twice and split. A token is 2 bytes, or 4 of a vocabulary above 65,536. Models are fp32.
    """
    total = sum(text.values())
    return {
        "text": 4.0 * total,
        "tokens": total / bytes_per_token * id_type(shape.vocabulary).itemsize,
        "models": 4.0 * shape.parameters * (MODELS + (PILOTS if pilots else 0) + tuned),
        "checkpoints": checkpoints * checkpoint_bytes(shape, training.lora, grown=grown),
    }


def checkpoint_bytes(shape: Shape, lora: Lora | None, *, grown: bool) -> float:
    """The weights and two moments of what learns, in fp32: 12 bytes a parameter where all does."""
    trained, added = learning_parameters(shape, lora, grown=grown)
    return 4.0 * (shape.parameters + added) + 8.0 * trained


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
