"""The stages by name, in their order."""

from __future__ import annotations

STAGES = (
    "protect", "collect", "curate", "tokenizer", "encode", "describe", "base", "grid_pilot", "choose",
    "tokenizer_pilot", "tokenizer_verdict", "pretrain", "evaluate", "decide", "tune", "release",
)  # fmt: skip


def beyond(stage: str, until: str) -> bool:
    """Whether a stage comes after ``until``, the last one of a run."""
    return STAGES.index(stage) > STAGES.index(until)
