"""Text, tokenizers, models, training, scoring and artifacts, on torch alone; imported here: what a new stage needs."""

from domain.artifacts import (
    Artifact,
    Checkpoint,
    Corpus,
    Datasheet,
    Decision,
    Protected,
    Raw,
    Release,
    Scorecard,
    Tokenizer,
    Tokens,
    Verdict,
)
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import Spec
from domain.stage import stage

__all__ = [
    "Artifact",
    "Checkpoint",
    "Corpus",
    "Datasheet",
    "Decision",
    "Machine",
    "Protected",
    "Raw",
    "Release",
    "Scorecard",
    "Spec",
    "Tokenizer",
    "Tokens",
    "UserError",
    "Verdict",
    "stage",
]
