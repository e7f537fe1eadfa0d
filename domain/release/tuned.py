"""The card's words on a model that was tuned to follow instructions."""

from __future__ import annotations

from typing import Any

from domain.artifacts import Artifact

USE = "Following instructions similar to those that it was tuned on, in its domain"
BEFORE = "Scores are of the model before tuning; the effect of tuning on them was not measured.\n"
LIMIT = (
    "It was tuned to follow instructions on the examples stated above only: it may ignore others, and it was not tuned "
    "to refuse."
)


def training(tuned: Artifact) -> str:
    """Examples, epochs, learning rate, loss, and the score of held-out answers."""
    spec, facts = tuned.manifest["spec"], tuned.facts
    held_out = f" ({facts['held_out']:,} more were held out)" if facts["held_out"] else ""
    score = facts.get("validation_answers")
    scored = "" if score is None else f"; held-out answers {score:.3f} bits per byte"
    layout = "the tokenizer's own chat template" if facts["template"] == "own" else "a plain chat template"
    return (
        f"- Tuned to follow instructions on {facts['examples']:,} examples{held_out}, passes over them: "
        f"{facts['epochs']:.2f}; loss on the answers alone, in {layout}.\n"
        f"- AdamW, {spec['batch']:,} tokens a batch, peak learning rate {spec['learning_rate']:g}{low_rank(spec)}; "
        f"loss at the end {facts['loss']:.3f} nats a token{scored}.\n"
    )


def low_rank(spec: dict[str, Any]) -> str:
    """The LoRA settings of a training, if any."""
    lora = spec.get("lora")
    return f", by updates of rank {lora['rank']} (LoRA), merged" if lora else ""
