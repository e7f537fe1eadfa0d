"""What the card says of a model that was tuned to follow instructions."""

from __future__ import annotations

from typing import Any

from domain.artifacts import Artifact

USE = "Following instructions like those that it was tuned on, in its domain"
BEFORE = "Scores are of the model before it was tuned; what the tuning changed in them was not measured.\n"
LIMIT = (
    "It was tuned to follow instructions by the examples stated above, and by nothing else: it may ignore others, and "
    "it was not tuned to refuse."
)


def training(tuned: Artifact) -> str:
    """Examples, passes, rate, loss, and what held-out answers scored."""
    spec, facts = tuned.manifest["spec"], tuned.facts
    apart = f" ({facts['held_out']:,} more were held out)" if facts["held_out"] else ""
    score = facts.get("validation_answers")
    seen = "" if score is None else f"; held-out answers {score:.3f} bits per byte"
    layout = "the tokenizer's own chat template" if facts["template"] == "own" else "a plain chat template"
    return (
        f"- Tuned to follow instructions on {facts['examples']:,} examples{apart}, passes over them: "
        f"{facts['epochs']:.2f}; loss on the answers alone, in {layout}.\n"
        f"- AdamW, {spec['batch']:,} tokens a batch, peak learning rate {spec['learning_rate']:g}{low_rank(spec)}; "
        f"loss at the end {facts['loss']:.3f} nats a token{seen}.\n"
    )


def low_rank(spec: dict[str, Any]) -> str:
    """By what a training learned, where that was not the weights themselves."""
    lora = spec.get("lora")
    return f", by updates of rank {lora['rank']} (LoRA), merged" if lora else ""
