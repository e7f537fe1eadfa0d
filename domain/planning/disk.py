"""What a recipe takes on the disk: text, tokens, models, and the checkpoints of a running training."""

from __future__ import annotations

from domain.cost.shape import Shape
from domain.planning.memory import learning_parameters
from domain.settings.learning import Lora, Training
from domain.tokens.shard import id_type

MODELS = 5  # base, two arms, the release and its copy in the registry
PILOTS = 4  # a base with its own tokenizer, and three arms


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
