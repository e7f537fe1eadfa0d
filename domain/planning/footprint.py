"""Footprint of a run on disk, and of its model in memory when it is served."""

from __future__ import annotations

from domain.cost.shape import Shape
from domain.planning.memory import learning_parameters
from domain.settings.learning import Lora, Training
from domain.tokens.shard import id_type

MODELS = 5  # base, two arms, release, and its copy in the registry
PILOTS = 4  # a base with its own tokenizer, and three arms
WIDTHS = {"bf16": 2.0, "int8": 1.0, "4-bit": 0.5}  # bytes per parameter


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
    """Bytes of text, tokens, models and ``checkpoints`` checkpoints; ``text`` is the bytes of text by part.

    Text is stored raw, twice cleaned and split. A token takes 2 bytes, or 4 with a vocabulary above 65,536. Models are
    fp32.
    """
    total = sum(text.values())
    return {
        "text": 4.0 * total,
        "tokens": total / bytes_per_token * id_type(shape.vocabulary).itemsize,
        "models": 4.0 * shape.parameters * (MODELS + (PILOTS if pilots else 0) + tuned),
        "checkpoints": checkpoints * checkpoint_bytes(shape, training.lora, grown=grown),
    }


def checkpoint_bytes(shape: Shape, lora: Lora | None, *, grown: bool) -> float:
    """Weights and two moments per trained parameter in fp32: 12 bytes per parameter if all are trained."""
    trained, added = learning_parameters(shape, lora, grown=grown)
    return 4.0 * (shape.parameters + added) + 8.0 * trained


def weights(shape: Shape) -> dict[str, float]:
    """Bytes of the weights by precision, without the scales of quantised ones (a few percent)."""
    return {name: size * shape.parameters for name, size in WIDTHS.items()}


def cache_per_token(shape: Shape) -> float:
    """Bytes per token of the key-value cache in bf16, over all layers; 0 for an encoder.

    Heads that share keys store them once (arXiv 2305.13245). In an encoder-decoder it is the same for each token read
    and each token written.
    """
    return 0.0 if shape.family == "encoder" else 2.0 * 2.0 * shape.layers * shape.cached


def cache(shape: Shape, texts: int) -> float:
    """Bytes of the cache for ``texts`` texts of full context length; for an encoder-decoder on both sides."""
    sides = 2 if shape.family == "encoder_decoder" else 1
    return sides * texts * shape.context * cache_per_token(shape)
